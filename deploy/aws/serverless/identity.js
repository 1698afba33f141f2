// CloudFront function: an API Gateway WebSocket API has no paths, so the identity goes from the path into a header; and it
// sees CloudFront's address, so the charger's own goes into another.
function handler(event) {
    var request = event.request;
    var path = request.uri.replace(/\/+$/, '');
    request.headers['x-charger-identity'] = { value: path.substring(path.lastIndexOf('/') + 1) };
    request.headers['x-charger-address'] = { value: event.viewer.ip };
    request.uri = '/';
    return request;
}
