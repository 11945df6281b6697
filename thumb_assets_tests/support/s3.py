"""An S3 server on loopback: moto's, over real HTTP."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import fsspec


@contextmanager
def s3_server(*, bucket: str) -> Iterator[str]:
    """The `s3://` URL of an empty bucket; the environment leads there until the block ends."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environ = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    try:
        with patch.dict(os.environ, environ):
            fsspec.filesystem("s3", skip_instance_cache=True).mkdir(bucket)
            yield f"s3://{bucket}"
    finally:
        server.stop()
