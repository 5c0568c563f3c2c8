"""Prints what gRPC's own client makes of failing calls: a unary and a streaming one for each path."""

import sys

try:
    import grpc
except ImportError:
    sys.exit(77)

address, *paths = sys.argv[1:]


def same(message):
    return message


with grpc.insecure_channel(address) as channel:
    for path in paths:
        unary = channel.unary_unary(path, request_serializer=same, response_deserializer=same)
        try:
            print(path, "unary", unary(b"", timeout=60))
        except grpc.RpcError as error:
            print(path, "unary", error.code().name, error.details())
        stream = channel.unary_stream(path, request_serializer=same, response_deserializer=same)
        count = 0
        try:
            for _ in stream(b"", timeout=60):
                count += 1
            print(path, "stream", count, "whole")
        except grpc.RpcError as error:
            print(path, "stream", count, error.code().name)
