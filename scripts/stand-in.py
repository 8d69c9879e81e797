"""Starts MiniStack 1.5.33 as a stand-in for AWS, to rehearse a deployment (scripts/rehearse).

This file adds features that MiniStack lacks, each under a heading. On the host `localhost` it serves the API with the additions of the
local stack: the header X-Sotto-Local-Source-Ip, /_local/outbox and /_local/cdn. On 127.0.0.1 it serves AWS.
"""

import base64
import collections
import contextvars
import datetime
import json
import socketserver
import sys
import threading
import time

import ministack.app
from ministack.core import iam_actions, lambda_runtime, responses
from ministack.services import apigateway, cloudfront, lambda_svc, ses_v2
from ministack.services.cloudformation import language_extensions, provisioners

SOURCE_IP = "x-sotto-local-source-ip"
OUTBOX = "/_local/outbox"
PUSH = "/_local/push/"
CDN = "/_local/cdn"
SEND_EMAIL = "/outbound-emails"
INSTANCES = 4
# Lambda takes events of 6 MB.
LONGEST_BODY = 6_000_000


# --- MiniStack ignores Body of AWS::ApiGatewayV2::Api. SAM puts all routes and the CORS configuration there.

METHODS = {"get", "put", "post", "delete", "options", "head", "patch"}


def import_body(api_id, body):
    apigateway._routes[api_id].clear()
    apigateway._integrations[api_id].clear()
    for path, item in body["paths"].items():
        for method, operation in item.items():
            if method not in METHODS:
                raise ValueError(f"{method} {path}: only plain methods are imported")
            integration = operation["x-amazon-apigateway-integration"]
            integration_id, _ = provisioners._apigw_v2_integration_create("", {
                "ApiId": api_id,
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": integration["uri"],
                "IntegrationMethod": "POST",
                "PayloadFormatVersion": integration["payloadFormatVersion"],
            }, "")
            route = {"ApiId": api_id, "RouteKey": f"{method.upper()} {path}", "Target": f"integrations/{integration_id}"}
            provisioners._apigw_v2_route_create("", route, "")
    apigateway._apis[api_id]["corsConfiguration"] = body["x-amazon-apigateway-cors"]


api = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
create_api, update_api = api["create"], api["update"]


def create_api_with_body(logical_id, properties, stack_name):
    physical_id, attributes = create_api(logical_id, properties, stack_name)
    import_body(physical_id, properties["Body"])
    return physical_id, attributes


def update_api_with_body(physical_id, old, new, stack_name, logical_id=None):
    updated = update_api(physical_id, old, new, stack_name, logical_id)
    import_body(updated[0], new["Body"])
    return updated


api["create"], api["update"] = create_api_with_body, update_api_with_body


# --- AWS::LanguageExtensions replaces references to parameters by their values, so the SAM transform sees the values.

extend = language_extensions.apply


def extend_with_values(template, values):
    template = extend(template, values)
    kinds = {name: parameter["Type"] for name, parameter in template["Parameters"].items()}

    def put_values(node):
        if isinstance(node, list):
            return [put_values(one) for one in node]
        if not isinstance(node, dict):
            return node
        if node.keys() == {"Ref"} and node["Ref"] in values:
            value = values[node["Ref"]]
            return value.split(",") if kinds[node["Ref"]] == "CommaDelimitedList" else value
        return {key: put_values(one) for key, one in node.items()}

    return {**template, **{section: put_values(template[section]) for section in ["Globals", "Resources"]}}


language_extensions.apply = extend_with_values


# --- MiniStack knows no alarm on an expression: its first metric takes the place. MiniStack evaluates no alarm anyway.

describe_alarm = provisioners._cw_metric_alarm_record


def describe_alarm_by_first_metric(name, properties):
    if metrics := properties.get("Metrics"):
        first = next(one["MetricStat"] for one in metrics if "MetricStat" in one)
        properties = {**properties, **first["Metric"], "Statistic": first["Stat"], "Period": first["Period"], "Metrics": None}
    return describe_alarm(name, properties)


provisioners._cw_metric_alarm_record = describe_alarm_by_first_metric


# --- MiniStack's IAM knows neither dynamodb:LeadingKeys, nor ses:FromAddress and the identity in SendEmail.

describe_request = iam_actions.dynamodb_service_context
enforce_ses = ministack.app._enforce_ses_v2


def leading_keys(node):
    """The partition keys of a request: those of keys and items, and `:pk` of a query."""
    if isinstance(node, list):
        return [key for one in node for key in leading_keys(one)]
    if not isinstance(node, dict):
        return []
    own = [node[name]["S"] for name in ("pk", ":pk") if name in node]
    return own + [key for one in node.values() for key in leading_keys(one)]


def describe_request_with_leading_keys(body):
    return {**describe_request(body), "dynamodb:LeadingKeys": leading_keys(json.loads(body))}


def enforce_ses_with_sender(method, path, headers, body, query, request_id):
    if not path.rstrip("/").endswith(SEND_EMAIL):
        return enforce_ses(method, path, headers, body, query, request_id)
    sender, region = json.loads(body)["FromEmailAddress"], ministack.app.extract_region(headers, query)
    return ministack.app._enforce_data_plane(
        "sesv2", "ses:SendEmail", headers, query, request_id,
        resource_arn=f"arn:aws:ses:{region}:{responses.get_account_id()}:identity/{sender}",
        service_context={"ses:FromAddress": sender},
    )


iam_actions.dynamodb_service_context = describe_request_with_leading_keys
ministack.app._enforce_ses_v2 = enforce_ses_with_sender


# --- MiniStack's HTTP API events lack cookies, and its answer for a failed function differs from API Gateway's. It starts an instance for each
# concurrent request, which overloads this machine, so requests wait for one of a few instances.

execute = lambda_svc._execute_function_with_config_scope
instances = collections.defaultdict(lambda: threading.BoundedSemaphore(INSTANCES))


def execute_for_http_api(function, event):
    headers = event["headers"]
    if cookie := headers.pop("cookie", None):
        event["cookies"] = [one.strip() for one in cookie.split(";")]
    if address := headers.pop(SOURCE_IP, None):
        event["requestContext"]["http"]["sourceIp"] = address
    if not event["pathParameters"]:
        del event["pathParameters"]
    if len(event.get("body", "")) > LONGEST_BODY:
        return gateway_says(413, "Request Entity Too Large")
    with instances[function["config"]["FunctionName"]]:
        result = execute(function, event)
    if result.get("error"):
        return gateway_says(500, "Internal Server Error")
    body = result.get("body")
    if isinstance(body, dict) and "statusCode" in body:
        body.setdefault("headers", {})["apigw-requestid"] = event["requestContext"]["requestId"]
    return result


def gateway_says(status, message):
    headers = {"content-type": "application/json"}
    return {"body": {"statusCode": status, "headers": headers, "body": json.dumps({"message": message}, separators=(",", ":"))}}


# MiniStack passes a binary body on as text. This passes it on as base64.
invoke, is_text = apigateway._invoke_lambda_proxy, apigateway._v2_request_body_is_text
is_binary = contextvars.ContextVar("is_binary", default=False)


async def invoke_with_binary(integration, api_id, stage, path, method, headers, body, *rest, **more):
    try:
        (body or b"").decode()
    except UnicodeDecodeError:
        is_binary.set(True)
    return await invoke(integration, api_id, stage, path, method, headers, body, *rest, **more)


apigateway._invoke_lambda_proxy = invoke_with_binary
apigateway._v2_request_body_is_text = lambda content_type: not is_binary.get() and is_text(content_type)


lambda_svc._execute_function_with_config_scope = execute_for_http_api


# --- MiniStack ignores ReportBatchItemFailures: it takes records that a worker reports as failed for handled.

polling = threading.local()
poll_streams, execute_function = lambda_svc._poll_dynamodb_streams, lambda_svc._execute_function
TRIES, PAUSE = 20, 0.5


def poll():
    polling.is_on = True
    try:
        return poll_streams()
    finally:
        polling.is_on = False


def execute_batch(function, event, *rest, **more):
    result = execute_function(function, event, *rest, **more)
    if not getattr(polling, "is_on", False):
        return result
    records = event["Records"]
    for _ in range(TRIES):
        body = result.get("body")
        body = json.loads(body) if isinstance(body, (str, bytes)) else body
        undone = {failure["itemIdentifier"] for failure in (body or {}).get("batchItemFailures", [])}
        if result.get("error") or not undone:
            return result
        # Lambda delivers the first failed record and all later ones again.
        is_undone = [record["dynamodb"]["SequenceNumber"] in undone for record in records]
        records = records[is_undone.index(True):]
        time.sleep(PAUSE)
        result = execute_function(function, {"Records": records}, *rest, **more)
    # With an error, MiniStack's poller delivers the whole batch again.
    return {**result, "error": True}


lambda_svc._poll_dynamodb_streams, lambda_svc._execute_function = poll, execute_batch


# --- With an empty S3OriginConfig, MiniStack's CDN does not see that its origin is a bucket.

describe_origin = cloudfront._dataplane_origin


def describe_bucket(element):
    origin = describe_origin(element)
    return {**origin, "s3_bucket": cloudfront._s3_origin_bucket(origin["domain_name"])}


cloudfront._dataplane_origin = describe_bucket


# --- MiniStack serves an API only under a path, drops the headers of mails, and has no push services. Here is an outbox like the local stack's.

outbox = []
send_mail = ses_v2.handle_request


def keep(kind, **said):
    at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    outbox.insert(0, {"kind": kind, **said, "at": at})


async def send_and_keep_mail(method, path, headers, body, query):
    answer = await send_mail(method, path, headers, body, query)
    if method == "POST" and path.rstrip("/").endswith(SEND_EMAIL) and answer[0] == 200:
        mail = json.loads(body)
        message = mail["Content"]["Simple"]
        keep(
            "email",
            **{"from": mail["FromEmailAddress"]},
            to=mail["Destination"]["ToAddresses"],
            subject=message["Subject"]["Data"],
            text=message["Body"]["Text"]["Data"],
            html=message["Body"].get("Html", {}).get("Data"),
            headers={header["Name"]: header["Value"] for header in message.get("Headers", [])},
        )
    return answer


ses_v2.handle_request = send_and_keep_mail
serve = ministack.app.app


async def answer(send, status, body=b""):
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def at_api(scope):
    """The request at the path where MiniStack serves the only API."""
    [api_id] = {key[-1] for key in apigateway._apis.to_dict()}
    prefix = f"/_aws/execute-api/{api_id}/$default"
    return {**scope, "path": prefix + scope["path"], "raw_path": prefix.encode() + scope["raw_path"]}


def at_cdn(scope):
    """The request at the host where MiniStack serves the only distribution."""
    [distribution] = cloudfront._distributions.to_dict().values()
    own = [(b"host", distribution["DomainName"].encode()), (b"x-forwarded-proto", b"https")]
    headers = own + [header for header in scope["headers"] if header[0] != b"host"]
    path = scope["path"].removeprefix(CDN)
    return {**scope, "path": path, "raw_path": path.encode(), "headers": headers}


async def serve_with_outbox(scope, receive, send):
    path = scope.get("path", "")
    if path.endswith(OUTBOX):
        await answer(send, 200, json.dumps(outbox).encode())
    elif path.startswith(PUSH):
        body, is_whole = b"", False
        while not is_whole:
            part = await receive()
            body, is_whole = body + part.get("body", b""), not part.get("more_body")
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        keep("push", endpoint="https://" + path.removeprefix(PUSH), headers=headers, body=base64.b64encode(body).decode())
        await answer(send, 201)
    elif path.startswith(CDN):
        await serve(at_cdn(scope), receive, send)
    elif dict(scope.get("headers", [])).get(b"host", b"").startswith(b"localhost:"):
        await serve(at_api(scope), receive, send)
    else:
        await serve(scope, receive, send)


ministack.app.app = serve_with_outbox


# --- Each invocation takes 90 ms too long: Nagle's algorithm with delayed ACKs, and a wait of 50 ms for a log line.

socketserver.StreamRequestHandler.disable_nagle_algorithm = True
drain = lambda_runtime.Worker._drain_stderr_bounded
lambda_runtime.ProvidedWorker._drain_stderr_bounded = lambda self, first_line_wait=0.003, **more: drain(
    self, first_line_wait=first_line_wait, idle_confirm=0.002
)

if __name__ == "__main__":
    sys.exit(ministack.app.main())
