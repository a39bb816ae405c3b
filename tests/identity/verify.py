#!/usr/bin/python3
"""A backend in Python: verify.py URL ISSUER AUDIENCE

URL is that of jwks.json. Reads lines of two words, SECONDS and TOKEN: the clock of the kept keys is that many seconds
ahead. Prints a line for each: ok and the account's number, or why the token is refused.
"""
import sys
import time

import jwt

url, issuer, audience = sys.argv[1:]
ahead = 0
clock = time.monotonic
time.monotonic = lambda: clock() + ahead  # of the keys; the token's own times go by the real clock
keys = jwt.PyJWKClient(url, lifespan=300)

for line in sys.stdin:
    seconds, token = line.split()
    ahead = int(seconds)
    try:
        key = keys.get_signing_key_from_jwt(token).key
        claims = jwt.decode(token, key, algorithms=["EdDSA"], issuer=issuer, audience=audience)
        print("ok", claims["sub"], flush=True)
    except jwt.PyJWTError as error:
        print("refused:", error, flush=True)
