"""A worker for tests: what it does is in the params."""
import json, os, signal, sys, threading, time

stopped = set()

def send(message):
    os.write(1, (json.dumps({"jsonrpc": "2.0", **message}) + "\n").encode())

def handle(request):
    id = request["id"]
    if "params_file" in request:
        with open(request["params_file"]) as file:
            params = json.load(file)
    else:
        params = request["params"]
    do = params.get("do", "echo")
    if "began" in params:
        with open(params["began"], "a") as file:
            file.write("%s %s\n" % (id, os.getpid()))
    if do == "echo":
        result = params
    elif do == "text":
        result = params["text"]
    elif do == "count":
        result = len(params["text"])
    elif do == "request":
        result = {key: value for key, value in request.items() if key not in ("id", "params")}
    elif do == "nan":
        result = float("nan")
    elif do == "fail":
        return send({"id": id, "error": {"code": -32000, "message": "sorry"}})
    elif do == "exit":
        print("out of memory", file=sys.stderr, flush=True)
        os._exit(3)
    elif do == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif do == "much":
        path = params["file"]
        with open(path, "w") as file:
            file.write("x" * params["bytes"])
        return send({"id": id, "result_file": path})
    elif do == "raw":
        return os.write(1, params["text"].replace("ID", id).encode())
    elif do == "long_then_id":
        line = '{"jsonrpc": "2.0", "result": "%s", "id": "%s"}\n'
        return print(line % ("x" * params["bytes"], id), end="", flush=True)
    elif do == "long":
        result = "x" * (5 * 1024 * 1024)
    elif do == "garbage":
        os.write(1, b"loading 100% ")
        result = "found"
    elif do == "progress":
        send({"method": "notifications/progress",
              "params": {"progressToken": id, "progress": 1, "total": 2, "message": "half"}})
        result = "done"
    elif do == "wait":
        print("waiting", file=sys.stderr, flush=True)
        while not os.path.exists(params["until"]) and id not in stopped:
            time.sleep(0.01)
        if id in stopped:
            return send({"id": id, "error": {"code": -32800, "message": "stopped"}})
        result = "waited"
    elif do == "stubborn":
        while not os.path.exists(params["until"]):
            time.sleep(0.01)
        result = "waited"
    send({"id": id, "result": result})

if os.environ.get("LOADS"):
    with open(os.environ["LOADS"], "a") as file:
        file.write("%s\n" % os.getpid())
if os.environ.get("FAIL_TO_LOAD"):
    sys.exit("no such model")
send({"method": "ready", "params": {"concurrency": int(os.environ.get("TAKES", 8))}})
threads = []
for line in sys.stdin:
    request = json.loads(line)
    if request["method"] == "notifications/cancelled":
        stopped.add(request["params"]["requestId"])
        continue
    threads.append(threading.Thread(target=handle, args=(request,)))
    threads[-1].start()
for thread in threads:
    thread.join()
