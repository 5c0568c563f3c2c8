"""An OTLP receiver (HTTP, binary protobuf) of PyPI's opentelemetry-proto: prints its port, then each span as a line of JSON."""

import http.server
import json
import sys

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


def value(of):
    """The value of an attribute."""
    kind = of.WhichOneof("value")
    if kind == "array_value":
        return [value(one) for one in of.array_value.values]
    return getattr(of, kind)


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        content = self.rfile.read(int(self.headers["content-length"]))
        assert self.path == "/v1/traces", self.path
        assert self.headers["content-type"] == "application/x-protobuf", self.headers
        for resource in ExportTraceServiceRequest.FromString(content).resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    attributes = {pair.key: value(pair.value) for pair in span.attributes}
                    told = {"name": span.name, "kind": span.kind, "status": span.status.code, "attributes": attributes}
                    print(json.dumps(told), flush=True)
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    sys.exit(0)
