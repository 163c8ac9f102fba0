import { assertEquals, assertMatch } from "@std/assert";
import {
  findGpus,
  type FoundGpus,
  parseNvidiaList,
  parseRocmIds,
} from "../../src/gpu/find_gpus.ts";
import { seenDevices, visibleDevices } from "../../src/gpu/visible_devices.ts";

const TWO_CARDS = `\
GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-5f1d8a42-2a3c-9f57-0d3e-6b1a7c1e9d10)
GPU 1: NVIDIA GeForce RTX 4090 (UUID: GPU-11c0ffee-2a3c-9f57-0d3e-6b1a7c1e9d11)
`;

const DIVIDED = `\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-a)
  MIG 3g.20gb     Device  0: (UUID: MIG-c7384736-a75d-5afc-978f-d2f1294409fd)
  MIG 3g.20gb     Device  1: (UUID: MIG-a28ad590-3fda-56dd-84fc-0a0b96edc58d)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-b)
`;

const DIVIDED_BY_AN_OLD_DRIVER = `\
GPU 0: A100-PCIE-40GB (UUID: GPU-a)
  MIG 1g.5gb Device 0: (UUID: MIG-GPU-a/7/0)
`;

Deno.test("nvidia-smi -L: cards by number and UUID", () => {
  assertEquals(parseNvidiaList(TWO_CARDS), [
    { index: 0, uuid: "GPU-5f1d8a42-2a3c-9f57-0d3e-6b1a7c1e9d10" },
    { index: 1, uuid: "GPU-11c0ffee-2a3c-9f57-0d3e-6b1a7c1e9d11" },
  ]);
});

Deno.test("nvidia-smi -L: the parts of a card stand for it", () => {
  const part = (uuid: string) => ({ index: undefined, uuid });
  assertEquals(parseNvidiaList(DIVIDED), [
    part("MIG-c7384736-a75d-5afc-978f-d2f1294409fd"),
    part("MIG-a28ad590-3fda-56dd-84fc-0a0b96edc58d"),
    { index: 1, uuid: "GPU-b" },
  ]);
  assertEquals(parseNvidiaList(DIVIDED_BY_AN_OLD_DRIVER), [part("MIG-GPU-a/7/0")]);
});

Deno.test("nvidia-smi -L: a card that has fallen off the bus is none", () => {
  const lost = "Unable to determine the device handle for gpu 0000:41:00.0: GPU is lost.  " +
    "Reboot the system to recover this GPU\n";
  assertEquals(parseNvidiaList(`${lost}${TWO_CARDS.split("\n")[1]}\n`).length, 1);
  for (const text of ["", "No devices found.\n", lost]) assertEquals(parseNvidiaList(text), []);
});

Deno.test("rocm-smi: cards in their order, after what it warns of", () => {
  const json = '{"card1": {"Unique ID": "0x62f4b6cbdb2f5ea6"}, "card0": {"Unique ID": "0x1"}, ' +
    '"card10": {"Unique ID": "N/A"}}';
  const expected = [
    { index: 0, uuid: "GPU-0000000000000001" },
    { index: 1, uuid: "GPU-62f4b6cbdb2f5ea6" },
    { index: 2, uuid: undefined },
  ];
  assertEquals(parseRocmIds(json), expected);
  assertEquals(
    parseRocmIds(`WARNING: AMD GPU device(s) is/are in a low-power state.\n${json}`),
    expected,
  );
  for (const text of ["", "{}", "null", "ERROR: no", '{"system": {}}']) {
    assertEquals(parseRocmIds(text), [], text);
  }
});

const NUMBERS = { CUDA_DEVICE_ORDER: "PCI_BUS_ID" };
const VARIABLES: readonly [names: string[], expected: Record<string, string>][] = [
  [["0", "3"], { ...NUMBERS, CUDA_VISIBLE_DEVICES: "0,3", HIP_VISIBLE_DEVICES: "0,3" }],
  [[], { ...NUMBERS, CUDA_VISIBLE_DEVICES: "-1", HIP_VISIBLE_DEVICES: "-1" }],
  [["GPU-5f1d8a42-2a3c", "MIG-a"], { CUDA_VISIBLE_DEVICES: "GPU-5f1d8a42-2a3c,MIG-a" }],
  [["GPU-62f4b6cbdb2f5ea6"], { ROCR_VISIBLE_DEVICES: "GPU-62f4b6cbdb2f5ea6" }],
];

for (const [names, expected] of VARIABLES) {
  Deno.test(`visible devices: ${JSON.stringify(names)}`, () => {
    assertEquals(visibleDevices(names), expected);
  });
}

const SEEN: readonly [env: Record<string, string>, expected: string[] | undefined][] = [
  [{}, undefined],
  [{ CUDA_VISIBLE_DEVICES: "2, 3" }, ["2", "3"]],
  [{ HIP_VISIBLE_DEVICES: "1" }, ["1"]],
  [{ CUDA_VISIBLE_DEVICES: "1,-1,0" }, ["1"]],
  [{ CUDA_VISIBLE_DEVICES: "" }, []],
  [{ CUDA_VISIBLE_DEVICES: "GPU-a,MIG-b" }, ["GPU-a", "MIG-b"]],
];

for (const [env, expected] of SEEN) {
  Deno.test(`visible devices: the node sees ${expected ?? "all"} with ${JSON.stringify(env)}`, () => {
    assertEquals(seenDevices(env), expected);
  });
}

/** Looks for GPUs where `nvidia-smi` is this shell script, and there is no other. */
async function findWith(script: string, timeoutMs?: number): Promise<FoundGpus> {
  const folder = await Deno.makeTempDir();
  const path = Deno.env.get("PATH")!;
  await Deno.writeTextFile(`${folder}/nvidia-smi`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  await Deno.symlink("/bin/sh", `${folder}/sh`);
  Deno.env.set("PATH", folder);
  try {
    return await findGpus({ timeoutMs });
  } finally {
    Deno.env.set("PATH", path);
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("find GPUs: an nvidia-smi that hangs, also in a program of its own, is not waited for", async () => {
  for (const script of ["exec /bin/sleep 1000", "/bin/sleep 2; exit"]) {
    const { gpus, problems } = await findWith(script, 100);
    assertEquals(gpus, []);
    assertEquals(problems[0], "nvidia-smi does not answer");
  }
});

Deno.test("find GPUs: what nvidia-smi prints instead is shown in quotes, and shortened", async () => {
  const { problems } = await findWith(`printf '\\033[31m%01000d' 7; exit 9`);
  assertMatch(problems[0], /^nvidia-smi says "\\u001b\[31m0+… \(\d+ characters\)$/);
  assertEquals(problems[1], "there is no rocm-smi");
});
