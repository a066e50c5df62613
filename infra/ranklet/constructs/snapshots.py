"""The bucket of the tables that functions fetch when they start."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy, aws_s3
from constructs import Construct


class Snapshots(Construct):
    """A private bucket, encrypted, reachable by TLS alone.

    It outlives its stack, as old versions of functions still fetch from it. Objects never change: no versions are kept.
    """

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        self.bucket = aws_s3.Bucket(
            self,
            "Bucket",
            block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
            encryption=aws_s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            object_ownership=aws_s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[aws_s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(7))],
        )
