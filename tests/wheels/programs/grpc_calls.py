"""gRPC: a server and a client in one process, all four kinds of calls, errors and cancelling; threads and asyncio."""

import asyncio
import logging
from concurrent import futures

import grpc
import grpc.aio
from google.protobuf import struct_pb2, wrappers_pb2

Number, Struct = wrappers_pb2.Int64Value, struct_pb2.Struct


def square(request, context):
    if request.value < 0:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "negative")
    return Number(value=request.value**2)


def count(request, context):
    for n in range(request.value):
        yield Number(value=n)


def total(requests, context):
    return Number(value=sum(request.value for request in requests))


def echo(requests, context):
    for request in requests:
        answer = Struct()
        answer.update({"value": request.value, "list": [1, "two", None]})
        yield answer


def broken(request, context):
    raise KeyError("broken")


def handlers():
    numbers = {"request_deserializer": Number.FromString, "response_serializer": Number.SerializeToString}
    structs = {"request_deserializer": Number.FromString, "response_serializer": Struct.SerializeToString}
    methods = {
        "Square": grpc.unary_unary_rpc_method_handler(square, **numbers),
        "Count": grpc.unary_stream_rpc_method_handler(count, **numbers),
        "Total": grpc.stream_unary_rpc_method_handler(total, **numbers),
        "Echo": grpc.stream_stream_rpc_method_handler(echo, **structs),
        "Broken": grpc.unary_unary_rpc_method_handler(broken, **numbers),
    }
    return grpc.method_handlers_generic_handler("test.Numbers", methods)


def numbers(n):
    return (Number(value=i) for i in range(n))


def client(channel):
    to, back = Number.SerializeToString, Number.FromString
    call = channel.unary_unary("/test.Numbers/Square", to, back)
    print(sum(call(Number(value=n)).value for n in range(500)))
    print(sum(answer.value for answer in channel.unary_stream("/test.Numbers/Count", to, back)(Number(value=1000))))
    print(channel.stream_unary("/test.Numbers/Total", to, back)(numbers(1000)).value)
    answers = list(channel.stream_stream("/test.Numbers/Echo", to, Struct.FromString)(numbers(300)))
    print(len(answers), answers[7]["value"], list(answers[7]["list"]))
    waiting = [call.future(Number(value=n)) for n in range(200)]
    print(sum(future.result().value for future in waiting))
    for method, value in (("Square", -1), ("Broken", 1), ("No", 1)):
        try:
            channel.unary_unary(f"/test.Numbers/{method}", to, back)(Number(value=value))
        except grpc.RpcError as error:
            print(error.code(), error.details())
    stream = channel.unary_stream("/test.Numbers/Count", to, back)(Number(value=10**6))
    print(next(stream).value, stream.cancel())


async def aio(port):
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary("/test.Numbers/Square", Number.SerializeToString, Number.FromString)
        answers = await asyncio.gather(*(call(Number(value=n)) for n in range(300)))
        print(sum(answer.value for answer in answers))
        stream = channel.unary_stream("/test.Numbers/Count", Number.SerializeToString, Number.FromString)
        print(sum([answer.value async for answer in stream(Number(value=500))]))
        try:
            await call(Number(value=-1))
        except grpc.aio.AioRpcError as error:
            print(error.code(), error.details())


logging.disable()  # what the broken method raised, with the paths of the environment
server = grpc.server(futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers([handlers()])
port = server.add_insecure_port("127.0.0.1:0")
server.start()
with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    client(channel)
asyncio.run(aio(port))
server.stop(None).wait()
