// CloudFront function: an API Gateway WebSocket API has no paths, so the identity goes from the path into a header.
function handler(event) {
    var request = event.request;
    var path = request.uri.replace(/\/+$/, '');
    request.headers['x-charger-identity'] = { value: path.substring(path.lastIndexOf('/') + 1) };
    request.uri = '/';
    return request;
}
