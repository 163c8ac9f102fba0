"""A model of the chaos test that stays loaded: `model.py worker`, or `model.py server PORT`.

Does what the params of a command say, as workload.sh does, and keeps a ledger of it.
"""
import json, os, random, shutil, signal, sys, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
from http_model import Model, serve

cancelled = set()


def infer(params, token, results, is_cancelled):
    id, do = params["id"], params["act"]
    ledger = os.path.join(os.environ["CHAOS_LEDGERS"], id)

    def note(*words):
        with open(ledger, "a") as file:
            file.write(" ".join(map(str, words)) + "\n")

    def leave_results():
        for number in range(params["results"]):
            with open(ledger + ".result", "w") as file:
                file.write("result %d of %s\n" % (number, id))
            shutil.move(file.name, "%s/%s-%d.txt" % (results, id, number))

    note("start", os.getsid(0))
    if token != ("wt-" + id if params["token"] == "yes" else os.environ["CHAOS_TOKEN"]):
        note("wrong token")
    if do in ("slow", "fail", "die", "massacre"):
        time.sleep(float(params["seconds"]))
    if do == "fail":
        code = random.randint(1, 125)
        note("end", code)
        raise ValueError("code %d of %s" % (code, id))
    if do == "complain":
        note("end", 1)
        raise ValueError("complaint of " + id)
    if do == "die":
        note("end", 128 + int(params["signal"]))
        os.kill(os.getpid(), int(params["signal"]))
        time.sleep(60)
    if do == "massacre":
        note("end group")
        os.killpg(0, signal.SIGKILL)
    while do == "wait":
        if is_cancelled():
            raise ValueError("cancelled")
        time.sleep(0.01)
    leave_results()
    note("end", 0)
    lines = ["%s line %d\n" % (id, line) for line in range(20000)] if do == "noisy" else []
    return "".join(lines) + "done %s\n" % id


def worker():
    out = os.fdopen(os.dup(1), "w", buffering=1)

    def say(**message):
        out.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")

    def answer(request):
        id = request["id"]
        params = request.get("params") or json.load(open(request["params_file"]))
        token = request.get("token", os.environ.get("CYBERWAVE_API_KEY"))
        try:
            result = infer(params, token, request.get("results_folder"), lambda: id in cancelled)
            say(id=id, result=result)
        except Exception as error:
            say(id=id, error={"code": -32000, "message": str(error)})

    say(method="ready")
    for request in map(json.loads, sys.stdin):
        if "id" in request:
            threading.Thread(target=answer, args=(request,), daemon=True).start()
        else:
            cancelled.add(request["params"]["requestId"])


class Server(Model):
    def infer(self, params):
        token = self.headers.get("Cyberwave-Api-Key", os.environ.get("CYBERWAVE_API_KEY"))
        results = self.headers.get("Cyberwave-Results-Folder")
        return infer(params, token, results, self.is_closed).encode()


def server(port):
    serve(port, Server)


globals()[sys.argv[1]](*sys.argv[2:])
