"""What holds for every test, before anything imports the CDK."""

import os

# The CDK's own check of templates takes seconds a synthesis, and one test asks for it. jsii reads this when it starts,
# which is at the first import of the CDK in a process, whichever test that is in.
os.environ["CDK_VALIDATION"] = "false"
