"""`[api]`: which kinds and callers go together, and that each refusal names its field."""

from __future__ import annotations

import tomllib
from typing import Any

import msgspec
import pytest

from ranklet.settings.api import ALLOWED, HEADERS, Api, Cors, together

JWT = '[jwt]\nissuer = "https://issuer.example"\naudience = ["ranking"]\n'
WHO = '[authorizer]\nfunction = "who"\n'


def api(text: str) -> Api:
    """`[api]` as the loader converts it."""
    return msgspec.convert(tomllib.loads(text), Api)


def test_the_shared_api_with_signed_requests_is_what_is_not_said() -> None:
    assert (Api().kind, Api().auth, Api().cors, Api().throttle, Api().rest) == ("http", "iam", None, None, None)


@pytest.mark.parametrize(("kind", "auth"), [(kind, auth) for kind, auths in ALLOWED.items() for auth in auths])
def test_every_kind_takes_the_callers_that_aws_lets_it_have(kind: str, auth: str) -> None:
    needed = {"jwt": JWT, "lambda": WHO}.get(auth, "")
    assert api(f'kind = "{kind}"\nauth = "{auth}"\n{needed}').auth == auth


REST = 'kind = "rest"\n'
REFUSED = {
    'kind = "rest"\nauth = "jwt"\n' + JWT: r'auth = "jwt" does not go with kind = "rest".*kind = "http"',
    'auth = "key"': r'auth = "key" does not go with kind = "http".*kind = "rest"',
    'kind = "url"\nauth = "lambda"\n' + WHO: r'auth = "lambda" does not go with kind = "url".*"http", "rest"',
    'auth = "jwt"': r"auth is jwt, so \[api\.jwt\] must name issuer and audience",
    JWT: r'\[api\.jwt\] goes with auth = "jwt", here it is "iam"',
    'auth = "lambda"': r"auth is lambda, so \[api\.authorizer\] must name its function",
    WHO: r'\[api\.authorizer\] goes with auth = "lambda"',
    "[rest]": r'\[api\.rest\] goes with kind = "rest", here it is "http"',
    "[throttle]\nrate = 1\nburst = 1": r"\[api\.throttle\] goes with kind = \"rest\": the HTTP API's stage",
    'kind = "url"\n[throttle]\nrate = 1\nburst = 1': r"\[api\.throttle\].*\[function\] reserved",
    REST + "[rest.plan]\nquota = 1": r'\[api\.rest\.plan\] goes with auth = "key"',
    REST + 'auth = "key"\n[rest]\naccounts = ["123456789012"]': r'accounts goes with auth = "iam"',
    REST + 'auth = "key"\n[rest.plan]\nrate = 1': r"rate and burst go together",
    REST + '[rest]\ncidrs = ["10.0.0.1/8"]': r"cidrs: 10\.0\.0\.1/8 has host bits set",
    REST + '[rest]\nvpc_endpoints = ["vpc-1"]': r"\$\.rest\.vpc_endpoints\[0\]",
    REST + '[rest]\naccounts = ["12"]': r"\$\.rest\.accounts\[0\]",
    REST + "[rest]\nwaf_rate = 9": r"\$\.rest\.waf_rate",
    REST + '[rest]\nvalidate = "all"': r"\$\.rest\.validate",
    '[cors]\norigins = ["https://a.example/"]': r"\$\.cors\.origins\[0\]",
    '[cors]\norigins = ["*", "https://a.example"]': r'origins = \["\*"\] is every origin',
    '[cors]\norigins = ["*"]\nheaders = ["X-Upper"]': r"\$\.cors\.headers\[0\]",
    '[cors]\norigins = ["*"]\nmax_age = 100000': r"\$\.cors\.max_age",
    'auth = "lambda"\n[authorizer]\nfunction = "no name"': r"\$\.authorizer\.function",
    'auth = "lambda"\n[authorizer]\nfunction = "who"\nidentity = ["cookie.x"]': r"\$\.authorizer\.identity\[0\]",
    'auth = "lambda"\n[authorizer]\nfunction = "who"\nttl = 3601': r"\$\.authorizer\.ttl",
    REST + "[throttle]\nrate = 0\nburst = 1": r"\$\.throttle\.rate",
    'kind = "soap"': r"\$\.kind",
}


@pytest.mark.parametrize(("text", "why"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_does_not_go_together_is_refused_by_its_field(text: str, why: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=why):
        api(text)


OWN = "arn:aws:lambda:eu-west-1:210987654321:function:who"
CHINA = "arn:aws-cn:lambda:cn-north-1:210987654321:function:who:3"


@pytest.mark.parametrize("function", ["who", "who:live", OWN, CHINA])
def test_authorizer_is_named_or_given_by_its_arn(function: str) -> None:
    found = api(f'auth = "lambda"\n[authorizer]\nfunction = "{function}"')
    assert found.authorizer is not None and found.authorizer.function == function


def test_cors_of_the_shared_api_is_what_its_models_say_together() -> None:
    def cors(*origins: str, **more: Any) -> Cors:
        return Cors(origins=origins, **more)

    both = together((cors("https://b.example", headers=("x-own",), max_age=60), cors("https://a.example")))
    assert both == Cors(
        origins=("https://a.example", "https://b.example"), headers=tuple(sorted((*HEADERS, "x-own"))), max_age=60
    )
    every = together((cors("https://b.example"), cors("*")))
    assert every is not None and every.origins == ("*",)
    assert together(()) is None
