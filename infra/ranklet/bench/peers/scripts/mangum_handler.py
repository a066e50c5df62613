"""The same FastAPI app as a Lambda handler."""

from fastapi_app import app
from mangum import Mangum

handler = Mangum(app, lifespan="off")
