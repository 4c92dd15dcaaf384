"""The door of a service: its JSON API and the AWS Query APIs, over the standard library's HTTP client."""

from __future__ import annotations

import datetime
import http.client
import json
import typing
import urllib.parse
import xml.etree.ElementTree

#: Seconds that an answer may take: it comes when a change is made and guests see it.
PATIENCE = 60
#: The version of each AWS API that is spoken.
VERSIONS = {"ec2": "2016-11-15", "iam": "2010-05-08"}
#: In whose name changes are made; the service's history shows it.
CALLER = "pytest"


class ImdsError(Exception):
    """Something went wrong with a service, or with what was asked of it."""


class Refused(ImdsError):
    """The service refused what it was asked; the text is its own."""

    def __init__(self, message: str, status: int, code: str | None = None) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        #: The status of the answer, such as 404.
        self.status = status
        #: AWS's code of the error, such as `InvalidInstanceID.NotFound`; None from the JSON API.
        self.code = code


class Door:
    """What is asked of a service. A connection serves one call, so that threads and forked processes may use it."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)

    def api(self, method: str, path: str, body: object = None) -> typing.Any:
        """What `/api/v1/` answers, from JSON; None where the answer is empty."""
        headers, data = {}, None
        if body is not None:
            headers, data = {"Content-Type": "application/json"}, json.dumps(body)
        status, text = self._exchange(method, f"/api/v1/{path}", headers, data)
        if status >= 400:
            raise Refused(_api_error(text), status)
        return json.loads(text) if text else None

    def query(self, service: str, region: str, action: str, **parameters: object) -> xml.etree.ElementTree.Element:
        """The document that an action of an AWS API answers, without its namespace."""
        form = {"Action": action, "Version": VERSIONS[service], **parameters}
        today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d")
        scope = f"{CALLER}/{today}/{region}/{service}/aws4_request"
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            # Not signed: the door is open, and reads here for which service and region the call is.
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=unsigned",
        }
        status, text = self._exchange("POST", "/", headers, urllib.parse.urlencode(form))
        document = _document(text)
        if status >= 400:
            raise _aws_error(document, text, status)
        return document

    def _exchange(self, method: str, path: str, headers: dict[str, str], body: str | None) -> tuple[int, str]:
        host, port = self._address
        # Goes by no proxy, whatever the environment says.
        connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise ImdsError(f"the service at {host}:{port} does not answer: {error!r}") from error
        finally:
            connection.close()


def _api_error(text: str) -> str:
    try:
        return json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        return text


def _document(text: str) -> xml.etree.ElementTree.Element:
    try:
        root = xml.etree.ElementTree.fromstring(text)
    except xml.etree.ElementTree.ParseError:
        return xml.etree.ElementTree.Element("none")
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _aws_error(document: xml.etree.ElementTree.Element, text: str, status: int) -> Refused:
    error = document.find(".//Error")
    if error is None:
        return Refused(_api_error(text), status)
    return Refused(error.findtext("Message", ""), status, error.findtext("Code"))
