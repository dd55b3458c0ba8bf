"""A client that trusts one root certificate, and the maker of such certificates.

usage: https_client.py make FOLDER                  writes root.pem, chain.pem and key.pem
       https_client.py post URL ROOT TOKEN BODY     prints the status of the answer
"""

import ssl
import sys
import urllib.error
import urllib.request

import trustme


def make(folder):
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(f"{folder}/root.pem")
    certificate.private_key_pem.write_to_path(f"{folder}/key.pem")
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(f"{folder}/chain.pem", append=True)


def post(url, root, token, body):
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    request = urllib.request.Request(url, body.encode(), headers)
    context = ssl.create_default_context(cafile=root)
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            print(answer.status)
    except urllib.error.HTTPError as refused:
        print(refused.code)


{"make": make, "post": post}[sys.argv[1]](*sys.argv[2:])
