"""A relying party over Authlib's Flask integration, by discovery and a client alone. Its addresses are those of party.mjs."""

import base64
import json
import os
import sys

from authlib.integrations.flask_client import OAuth
from flask import Flask, jsonify, redirect, request

BASE = os.environ["BASE"]
SCOPE = "openid profile phone offline_access"
YESTERDAY_SECONDS = 172_800

app = Flask(__name__)
app.secret_key = os.urandom(32)
forgery = {}
held = {}


def forged(token):
    header, payload, signature = token.split(".")
    how = forgery.get("forge")
    if how == "signature":
        changed = "B" if signature[8] == "A" else "A"
        return ".".join([header, payload, signature[:8] + changed + signature[9:]])
    if how == "claims":
        claims = claims_of(token)
        claims["sub"] += "x"
        changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
        return ".".join([header, changed, signature])
    return forgery["token"] if how == "replace" else token


def claims_of(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def forge_answers(session):
    def change(response):
        if forgery.get("forge") and response.ok:
            body = response.json()
            body["id_token"] = forged(body["id_token"])
            response._content = json.dumps(body).encode()
        return response

    session.register_compliance_hook("access_token_response", change)


idp = OAuth(app).register(
    "xinyin",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    server_metadata_url=os.environ["ISSUER"] + "/.well-known/openid-configuration",
    client_kwargs={"scope": SCOPE, "code_challenge_method": "S256"},
    compliance_fix=forge_answers,
)


@app.get("/login")
def login():
    forgery.clear()
    forgery.update(request.args)
    more = {name: value for name, value in request.args.items() if name not in ("forge", "token")}
    return idp.authorize_redirect(f"{BASE}/callback", **more)


@app.get("/callback")
def callback():
    try:
        token = idp.authorize_access_token()
    finally:
        forgery.clear()
    userinfo = idp.userinfo(token=token)
    held.update(token=token)
    # What Authlib validated stands in `userinfo` of its token.
    return jsonify(
        claims=token["userinfo"], userinfo=userinfo, id_token=token["id_token"], expires_in=token["expires_in"]
    )


@app.get("/refresh")
def refresh():
    before = held["token"]
    token = idp.fetch_access_token(grant_type="refresh_token", refresh_token=before["refresh_token"])
    turned = all(token[name] != before[name] for name in ("refresh_token", "access_token"))
    held["token"] = {**before, **token, "id_token": before["id_token"]}
    return jsonify(turned=turned, sub=idp.userinfo(token=token)["sub"])


@app.get("/old")
def old():
    token = request.args["token"]
    nonce = claims_of(token)["nonce"]
    return jsonify(claims=idp.parse_id_token({"id_token": token}, nonce=nonce, leeway=YESTERDAY_SECONDS))


@app.get("/logout")
def logout():
    hint = held["token"]["id_token"]
    url = idp.create_logout_url(post_logout_redirect_uri=f"{BASE}/signed-out", id_token_hint=hint, state="bye")["url"]
    return redirect(url)


@app.get("/signed-out")
def signed_out():
    return jsonify(signed_out=True, state=request.args.get("state"))


@app.errorhandler(Exception)
def refused(error):
    return jsonify(refused=f"{type(error).__name__}: {error}"), 400


if __name__ == "__main__":
    print("ready", flush=True)
    sys.exit(app.run("localhost", int(BASE.rsplit(":", 1)[1])))
