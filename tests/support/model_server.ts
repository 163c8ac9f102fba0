/** Servers that commands are sent to: one in this process, and one that a node starts. */
import type { ServerProgram } from "../../src/config/programs/workload_program.ts";
import { ServerExecutor } from "../../src/executors/server/server_executor.ts";
import { WarmProcess } from "../../src/executors/warm/warm_process.ts";
import { systemClock } from "../../src/time.ts";
import { type Bench, HOST } from "./executors.ts";

/** A server that answers one thing at a time, as a model does; see the members of its params. */
const SOURCE = `
import json, os, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

class Model(BaseHTTPRequestHandler):
    wbufsize = 65536
    def log_message(self, *args): pass
    def answer(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def do_GET(self):
        self.answer(503 if os.path.exists("sick") else 200, {"ready": not os.path.exists("loading")})
    def do_POST(self):
        params = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open("runs", "a") as runs: runs.write(json.dumps(params.get("id")) + "\\n")
        if "note" in params: open(params["note"], "w").write(str(os.getpid()) + "\\n")
        if "crash" in params:
            print(params["crash"], file=sys.stderr, flush=True)
            os._exit(3)
        while "until" in params and not os.path.exists(params["until"]): time.sleep(0.01)
        if "much" in params: return self.answer(200, "x" * params["much"])
        self.answer(params.get("status", 200), {"output": params, "pid": os.getpid()})

open("starts", "a").write("start\\n")
if os.path.exists("broken"): sys.exit("cannot load the model")
HTTPServer(("127.0.0.1", int(sys.argv[1])), Model).serve_forever()
`;

/** Puts the script of a model server, `serve.py PORT`, into a folder. */
export function writeModel(folder: string): void {
  Deno.writeTextFileSync(`${folder}/serve.py`, SOURCE);
}

/** A port that nobody uses now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** What a server program is, but for what a test says. */
export function serverProgram(given: Partial<ServerProgram> & { url: string }): ServerProgram {
  return {
    type: "server",
    command: undefined,
    ready: undefined,
    wrap: undefined,
    unwrap: undefined,
    api: "json",
    headers: {},
    concurrency: 1,
    readyTimeout: 30,
    unloadTimeout: 5,
    keepLoaded: 60,
    yieldTo: undefined,
    ...given,
  };
}

/** An executor for a program. */
export function serverExecutor(program: ServerProgram, bench: Bench): ServerExecutor {
  const { workFolder, folder, logger } = bench;
  const { command } = program;
  const name = "inference-server";
  const shared = { name, host: HOST, clock: systemClock, logger };
  const process = command === undefined ? undefined : new WarmProcess({
    ...program,
    ...shared,
    command,
    loadedFolder: `${folder}/loaded`,
    workFolder,
    env: { PATH: Deno.env.get("PATH")!, PYTHONUNBUFFERED: "1" },
    maxOutputFiles: 1 << 20,
  });
  // Crashes are followed by a restart at once.
  return new ServerExecutor({
    ...shared,
    program,
    headers: program.headers,
    process,
    random: () => 0,
  });
}

/** The program that starts a model server, whose script is in a bench's work folder then. */
export function modelProgram(
  { workFolder }: Bench,
  port: number,
  given: Partial<ServerProgram> = {},
): ServerProgram {
  writeModel(workFolder);
  const url = `http://127.0.0.1:${port}`;
  return serverProgram({
    command: `python3 serve.py ${port}`,
    url: `${url}/predict`,
    ready: { url: `${url}/health`, every: 0.02, timeout: 5 },
    ...given,
  });
}
