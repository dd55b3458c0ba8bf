"""An S3 server in memory on a free port; prints its URL and serves until it is killed.

usage: s3_server.py BUCKET...
"""

import sys
import threading

import boto3
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
url = "http://{}:{}".format(*server.get_host_and_port())
keys = {"aws_access_key_id": "a-key", "aws_secret_access_key": "a-secret"}
client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
for bucket in sys.argv[1:]:
    client.create_bucket(Bucket=bucket)
print(url, flush=True)
threading.Event().wait()
