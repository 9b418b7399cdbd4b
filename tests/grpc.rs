//! gRPC through the proxy: a client over TLS, a server on plain HTTP/2, with calls of every shape.

use wayside_tests::{Script, Wayside, python};

const SERVER: &str = r#"
import grpc, time
from concurrent import futures
def unary(request, context):
    context.send_initial_metadata((("x-initial", "1"),))
    context.set_trailing_metadata((("x-trailing", "2"),))
    return request[::-1]
def fail(request, context):
    context.abort(grpc.StatusCode.NOT_FOUND, "no such order: \u00e4")
def down(request, context):
    for n in range(int(request)):
        yield b"%d" % n
def up(requests, context):
    return b"%d" % sum(len(r) for r in requests)
def both(requests, context):
    for r in requests:
        yield r.upper()
class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        return {
            "/t.T/Unary": grpc.unary_unary_rpc_method_handler(unary),
            "/t.T/Fail": grpc.unary_unary_rpc_method_handler(fail),
            "/t.T/Down": grpc.unary_stream_rpc_method_handler(down),
            "/t.T/Up": grpc.stream_unary_rpc_method_handler(up),
            "/t.T/Both": grpc.stream_stream_rpc_method_handler(both),
        }.get(details.method)
server = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", -1)])
server.add_generic_rpc_handlers((Handler(),))
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
"#;

const CLIENT: &str = r#"
import grpc, queue, sys
from concurrent.futures import ThreadPoolExecutor
port, ca = sys.argv[1:3]
channel = grpc.secure_channel("127.0.0.1:" + port, grpc.ssl_channel_credentials(open(ca, "rb").read()), options=[
    ("grpc.ssl_target_name_override", "shop.test"), ("grpc.max_receive_message_length", -1)])
unary = channel.unary_unary("/t.T/Unary")
answer, call = unary.with_call(b"hello", timeout=20, metadata=(("x-api-key", "k"), ("x-bin", b"\0\xff")))
assert answer == b"olleh"
assert dict(call.initial_metadata())["x-initial"] == "1"
assert dict(call.trailing_metadata())["x-trailing"] == "2"
large = bytes(range(256)) * 20000
assert unary(large, timeout=20) == large[::-1]
for path, code, words in [("/t.T/Fail", grpc.StatusCode.NOT_FOUND, "no such order: \u00e4"), ("/t.T/None", grpc.StatusCode.UNIMPLEMENTED, None)]:
    try:
        channel.unary_unary(path)(b"", timeout=20)
        raise SystemExit("no error")
    except grpc.RpcError as error:
        assert error.code() == code, error
        assert words is None or error.details() == words, error
assert list(channel.unary_stream("/t.T/Down")(b"500", timeout=20)) == [b"%d" % n for n in range(500)]
assert channel.stream_unary("/t.T/Up")(iter([b"x" * 1000] * 500), timeout=20) == b"500000"
# One message at a time: each is answered before the next is sent.
todo = queue.Queue()
answers = channel.stream_stream("/t.T/Both")(iter(todo.get, None), timeout=20)
for word in [b"one", b"two", b"three"]:
    todo.put(word)
    assert next(answers) == word.upper()
todo.put(None)
assert list(answers) == []
with ThreadPoolExecutor(20) as pool:
    assert all(pool.map(lambda n: unary(b"%d" % n, timeout=30) == (b"%d" % n)[::-1], range(200)))
# A call that the client gives up.
endless = channel.stream_stream("/t.T/Both")(iter(queue.Queue().get, None))
endless.cancel()
print("done")
"#;

#[test]
fn calls_of_every_shape_work_with_their_metadata_and_their_errors() {
    let server = Script::start(SERVER);
    let wayside = Wayside::start(&server.url(), &[]);
    let port = wayside.https().port().to_string();
    let said = python(CLIENT, [port.as_str(), &wayside.ca().to_string_lossy()]).ok();
    assert_eq!(said.text().trim(), "done", "{}", said.stderr);

    let unary = wayside.ended("path:/t.T/Unary", 202);
    assert!(
        unary.iter().all(|call| call["outcome"] == "complete" && call["http_version"] == "HTTP/2")
    );
    let failed = wayside.ended("path:/t.T/Fail", 1).remove(0);
    assert_eq!(
        (&failed["outcome"], &failed["status"]),
        (&"complete".into(), &200.into()),
        "{failed}"
    );
    let both = wayside.ended("path:/t.T/Both outcome:complete", 1).remove(0);
    // Each message has five bytes before it.
    assert_eq!(both["request"]["body_bytes"], 11 + 15, "{both}");
    assert_eq!(both["response"]["body_bytes"], 11 + 15, "{both}");
    let trailers = both["response"]["trailers"].to_string();
    assert!(trailers.contains(r#"["grpc-status","0"]"#), "{both}");
}
