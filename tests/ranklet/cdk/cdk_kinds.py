"""Models of every kind that makes resources of its own: what holds for all templates is held against these."""

from __future__ import annotations

from cdk_project import FUNCTION, JWT, stage, table, write_bundle, write_hook, write_model

from ranklet.project import Project

KINDS = {
    "prepared": "[token]\n",
    "plain": "",
    "towers": FUNCTION + JWT,
    "public": '[api]\nauth = "none"\n',
    "alone": "[api]\nversions = false\n",
    "decided": '[api]\nauth = "lambda"\n[api.authorizer]\nfunction = "door"\n',
    "browsed": '[api]\n[api.cors]\norigins = ["https://shop.example"]\n',
    "url": '[api]\nkind = "url"\n',
    "url-open": '[api]\nkind = "url"\nauth = "none"\n',
    "rest": '[api]\nkind = "rest"\n[api.rest]\nvalidate = "body"\n[api.cors]\norigins = ["https://shop.example"]\n',
    "rest-keys": '[api]\nkind = "rest"\nauth = "key"\n[api.rest]\nwaf_rate = 1000\n[api.rest.plan]\nquota = 9\n',
    "rest-private": '[api]\nkind = "rest"\n[api.rest]\nvpc_endpoints = ["vpce-0123456789abcdef0"]\n',
    "rest-open": '[api]\nkind = "rest"\nauth = "none"\n[api.rest]\ncidrs = ["203.0.113.0/24"]\n',
    "snapped": '[warmth]\nkind = "snapstart"\n',
    "scaled": '[warmth]\nkind = "provisioned"\ncount = 1\nmax = 4\n',
    "joined": '[function.vpc]\nsubnets = ["subnet-0123456789abcdef0"]\nsecurity_groups = ["sg-0123456789abcdef0"]\n',
    "locked": f'[function]\ntracing = true\nkms_key = "arn:aws:kms:eu-central-1:111122223333:key/{"0" * 36}"\n',
    "gradual": '[release]\nstrategy = "canary"\n[release.shadow]\nshare = 0.1\n',
}
"""model.toml's deployment tables that make different resources."""


def write_kinds(project: Project) -> None:
    """A model of each kind, and `tables` with one table in DynamoDB and one that is fetched."""
    for name, more in KINDS.items():
        write_model(project, name, more=more)
        write_bundle(project, name)
    write_hook(project, "gradual")
    write_model(project, "tables")
    tables = {"item": table("item", placement="dynamodb"), "large": stage(project, "large", rows=1000)}
    write_bundle(project, "tables", tables=tables)
