"""Files by link: what a charger may fetch from us or leave with us. The link itself is the permission."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from chargers import storage

CHUNK = 64 * 1024


@csrf_exempt
@require_http_methods(["GET", "HEAD", "PUT", "POST"])
def file_by_link(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    """GET what the link names, or PUT (some chargers: POST) it. ``name``: for people, and chargers that want one."""
    is_upload = request.method in ("PUT", "POST")
    try:
        file = storage.opened(token, "put" if is_upload else "get")
        files = storage.storage()
        if is_upload:
            files.keep(file, _chunks(request))
            return HttpResponse(status=201)
        answer = FileResponse(files.open(file), as_attachment=True, filename=name)
    except storage.BadLink as error:
        return HttpResponse(f"{error}\n", status=403, content_type="text/plain")
    except storage.NoSuchFile:
        return HttpResponse("There is no such file any more.\n", status=404, content_type="text/plain")
    except storage.TooLarge as error:
        return HttpResponse(f"{error}\n", status=413, content_type="text/plain")
    answer["Content-Type"] = "application/octet-stream"  # a charger's file is nothing that a browser should open
    return answer


def _chunks(request: HttpRequest) -> Iterator[bytes]:
    while chunk := request.read(CHUNK):
        yield chunk
