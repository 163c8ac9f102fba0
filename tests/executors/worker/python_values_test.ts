/** What a Python file returns, and what the answer is: the table of the documentation. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { pythonPackagesAvailable, pythonProgram } from "../../support/python_packages.ts";
import { errorOf, outputOf, PythonBench } from "../../support/python_worker.ts";
import { endWorkers } from "../../support/workers.ts";
import { World } from "../../support/world.ts";

/** A function that answers with the value of an expression. */
const SOURCE = `
import array, collections, dataclasses, datetime, pathlib
try:
    import numpy as np
    from PIL import Image
except ImportError:
    pass

class Tensor:  # As those of PyTorch.
    def tolist(self):
        return [[1.5, float("nan")]]

class EagerTensor:  # As those of TensorFlow.
    def numpy(self):
        return Tensor()

class Model:  # As those of Pydantic.
    def model_dump(self):
        return {"data": b"a"}

@dataclasses.dataclass
class Point:
    x: int
    data: bytes

def infer(value):
    return eval(value)
`;

/** Registers a test with a Python that has the packages of workers, if it needs them. */
function test(what: string, needsPackages: boolean, body: (bench: PythonBench) => Promise<void>) {
  Deno.test({
    name: `what a Python file returns: ${what}`,
    ignore: needsPackages && !pythonPackagesAvailable(),
    fn: async () => {
      const python = needsPackages ? pythonProgram("python") : undefined;
      await using bench = new PythonBench(SOURCE, python);
      await body(bench);
    },
  });
}

/** Checks what is answered for expressions. */
async function check(bench: PythonBench, expected: Record<string, unknown>): Promise<void> {
  for (const [value, answer] of Object.entries(expected)) {
    // In a list, since a text alone is no JSON.
    assertEquals(JSON.parse(outputOf(await bench.do({ value: `[${value}]` }))), [answer], value);
  }
}

test("values of Python", false, async (bench) => {
  await check(bench, {
    "None": null,
    "(1, 2.5, True)": [1, 2.5, true],
    '{1: "one", None: []}': { 1: "one", null: [] },
    "{7}": [7],
    "collections.OrderedDict(a=1)": { a: 1 },
    'array.array("d", [1, 2])': [1, 2],
    'Point(1, b"a")': { x: 1, data: "YQ==" },
    "datetime.datetime(2026, 1, 2, 3, 4)": "2026-01-02T03:04:00",
    "[bytearray(b'a'), memoryview(b'a')]": ["YQ==", "YQ=="],
    "Tensor()": [[1.5, null]],
    "[EagerTensor(), Model()]": [[[1.5, null]], { data: "YQ==" }],
    "pathlib.Path('/no/such/file')": "/no/such/file",
  });
});

test(
  "numbers that JSON has not are null, and texts that look like them stay",
  false,
  async (bench) => {
    await check(bench, {
      '{"loss": float("nan"), "best": [float("-inf")], "text": "NaN, Infinity"}': {
        loss: null,
        best: [null],
        text: "NaN, Infinity",
      },
    });
  },
);

test(
  "a text, and bytes, are the output as they are, whatever their length",
  false,
  async (bench) => {
    for (const count of [1, 600_000]) {
      const text = await bench.begin({ value: `"ä\\U0001F600" * ${count}` });
      assertEquals(await stdoutOf(bench, text), "ä\u{1F600}".repeat(count));
      const bytes = await bench.begin({ value: `b"abc" * ${count}` });
      assertEquals(await stdoutOf(bench, bytes), "YWJj".repeat(count));
    }
  },
);

async function stdoutOf(bench: PythonBench, started: Parameters<PythonBench["ended"]>[0]) {
  return (await bench.ended(started)).stdout;
}

test("what has no form is an error, and the next command is answered", false, async (bench) => {
  assertStringIncludes(errorOf(await bench.do({ value: "object()" })), "there is a object in it");
  assertStringIncludes(errorOf(await bench.do({ value: "{(1, 2): 3}" })), "keys must be str");
  await check(bench, { "1": 1 });
});

test("arrays and numbers of NumPy", true, async (bench) => {
  await check(bench, {
    "np.arange(4).reshape(2, 2)": [[0, 1], [2, 3]],
    "np.array([1.5, np.nan], dtype=np.float32)": [1.5, null],
    '{"n": np.int64(7), "ok": np.bool_(True), "x": np.float32(0.5)}': { n: 7, ok: true, x: 0.5 },
    "dict(zip(*np.unique([3, 3, 5], return_counts=True)))": { 3: 2, 5: 1 },
    'np.array(["a", "b"])': ["a", "b"],
    'np.array([b"a"])': ["YQ=="],
    'np.datetime64("2026-01-02")': "2026-01-02",
    "np.array(3)": 3,
  });
});

const IMAGE = 'Image.new("RGB", (2, 1), "red")';

test("an image of PIL is a PNG in base64", true, async (bench) => {
  const text = JSON.parse(outputOf(await bench.do({ value: `{"mask": ${IMAGE}}` }))).mask;
  const again = await bench.do({
    value: "(lambda data: [Image.open(data).size, Image.open(data).getpixel((0, 0))])(" +
      `__import__("io").BytesIO(__import__("base64").b64decode("${text}")))`,
  });
  assertEquals(JSON.parse(outputOf(again)), [[2, 1], [255, 0, 0]]);
});

test("with a results folder, images, bytes and files are result files", true, async (bench) => {
  const folder = `${bench.folder}/results`;
  const env = { CYBERWAVE_RESULTS_FOLDER: folder };
  const { workFolder } = bench;
  Deno.mkdirSync(folder);
  Deno.writeTextFileSync(`${folder}/output.bin`, "mine");
  Deno.mkdirSync(`${folder}/run`);
  Deno.writeTextFileSync(`${folder}/run/model.pt`, "model");
  Deno.writeTextFileSync(`${workFolder}/log.txt`, "log");
  const paths = [`${folder}/run/model.pt`, `${workFolder}/log.txt`, workFolder];
  const value = `[${IMAGE}, ${IMAGE}, b"abc", *map(pathlib.Path, ${JSON.stringify(paths)})]`;
  assertEquals(JSON.parse(outputOf(await bench.do({ value }, env))), [
    "output.png",
    "output-2.png",
    "output-2.bin",
    "run/model.pt",
    "log.txt",
    workFolder,
  ]);
  assertEquals(Deno.readTextFileSync(`${folder}/output.bin`), "mine");
  assertEquals(Deno.readTextFileSync(`${folder}/output-2.bin`), "abc");
  assertEquals(Deno.readTextFileSync(`${folder}/log.txt`), "log");
  const png = Deno.readFileSync(`${folder}/output-2.png`);
  assertEquals(png.toBase64(), outputOf(await bench.do({ value: IMAGE })));
  assert(png.length > 50);
});

Deno.test("the bytes that a workload's file returns reach the platform as a result file", async () => {
  await using world = await World.start();
  Deno.writeTextFileSync(`${world.folder}/infer.py`, SOURCE);
  await using _ = { [Symbol.asyncDispose]: () => endWorkers(`${world.stateFolder}/workers`) };
  const resultsFolder = `${world.folder}/results`;
  await using local = await world.runNode({ inference: { worker: "infer.py" }, resultsFolder });
  await using sender = await world.sender(local.identity);
  const workload = world.backend.createWorkload(local.identity.uuid);
  const uploaded = world.called(({ path }) => path.endsWith(`${workload.uuid}/upload-results`));
  const ask = (id: string, params: Record<string, unknown>) =>
    sender.ask({ command: "inference", request_id: id, params: { value: 'b"abc"', ...params } });
  assertEquals((await ask("r1", { workload_uuid: workload.uuid })).output, "output.bin");
  await uploaded;
  assertEquals(workload.results.map(({ filename, size }) => [filename, size]), [["output.bin", 3]]);
  assertEquals((await ask("r2", {})).output, "YWJj");
  assertEquals([...Deno.readDirSync(resultsFolder)], []);
});
