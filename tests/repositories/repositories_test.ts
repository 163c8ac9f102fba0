/** Repositories as users have them run through the whole product: `validate`, `start`, commands. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { IMAGES } from "../support/images.ts";
import { HAS_PYTHON, Repository } from "../support/repository.ts";

function test(name: string, fn: () => Promise<void>) {
  Deno.test({ name: `repository: ${name}`, ignore: !HAS_PYTHON, fn });
}

function photo(bytes: number): Uint8Array<ArrayBuffer> {
  const photo = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) photo[i] = i * 31 % 251;
  photo.set(IMAGES.jpeg);
  return photo;
}

test("a VLA with a virtual environment gets a JSON file, an image, and the variables of .env", async () => {
  await using repository = await Repository.start("vla", async (folder) => {
    const { success } = await new Deno.Command("python3", {
      args: ["-m", "venv", "--without-pip", `${folder}/.venv/smolvla`],
    }).output();
    assert(success);
  });
  const { folder, world } = repository;
  const { output } = await repository.follow("inference", {
    image_bytes_base64: photo(200_000).toBase64(),
    instruction: "it's the red cube",
  });
  const venv = `${folder}/.venv/smolvla`;
  assertEquals(JSON.parse(output), {
    form: "file",
    instruction: "it's the red cube",
    image_bytes: 200_000,
    python: venv,
    env: [venv, "smolvla/latest.pt", "hf_$ecret", world.backend.url],
  });
});

test("a trainer that asks Path(argument).exists() gets a path with body: file", async () => {
  await using repository = await Repository.start("trainer");
  const steps = Array.from({ length: 100 }, (_, index) => index);
  const { output } = await repository.follow("training", { steps });
  assertEquals(JSON.parse(output), { loss: 0.5, steps: 100 });
  const inline = await repository.ask("inference", { steps });
  assertStringIncludes(inline.error!, "File name too long");
});

test("openvla-oft takes flags, and its checkpoints arrive under their paths", async () => {
  await using repository = await Repository.start("openvla_oft");
  const { output, workload } = await repository.follow("training", {
    vla_path: "openvla/openvla-7b",
    batch_size: 8,
    learning_rate: "5e-4",
    use_lora: true,
    dataset: ["libero spatial", "it's $(mine)"],
  });
  const { run_root_dir, ...args } = JSON.parse(output);
  assertMatch(run_root_dir, /^\/.*\/runs$/);
  assertEquals(args, {
    vla_path: "openvla/openvla-7b",
    batch_size: 8,
    learning_rate: 5e-4,
    use_lora: true,
    dataset: ["libero spatial", "it's $(mine)"],
    save_every: 2,
    max_steps: 4,
  });
  assertEquals(workload.results.map(({ filename }) => filename).sort(), [
    "metrics.json",
    "runs/2_chkpt/adapter/model.safetensors",
    "runs/2_chkpt/head/model.safetensors",
    "runs/4_chkpt/adapter/model.safetensors",
    "runs/4_chkpt/head/model.safetensors",
  ]);
  const { error } = await repository.ask("inference", {});
  assertEquals(
    error,
    'Workload could not be started: the params have no "vla_path", which the template needs',
  );
});

test("a server behind curl gets images of 200 KB", async () => {
  await using repository = await Repository.start("http_server");
  const { folder, resources } = repository;
  const pid = Number(await Deno.readTextFile(`${folder}/pid`));
  resources.defer(() => Deno.kill(pid, "SIGKILL"));
  const image = photo(200_000);
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", image)).toHex();
  for (const bytes of [image, image.subarray(0, 1000)]) {
    const { output } = await repository.follow("inference", { image_base64: bytes.toBase64() });
    assertEquals(JSON.parse(output).bytes, bytes.length);
    if (bytes === image) assertEquals(JSON.parse(output).sha256, sha256);
  }
  const { error } = await repository.ask("inference", {});
  assertStringIncludes(error!, "422");
});

test("module mode calls infer() with the Python of .venv, and says what to write elsewhere", async () => {
  await using repository = await Repository.start("module");
  const { output } = await repository.follow("inference", { prompt: "hello" });
  assertEquals(JSON.parse(output), {
    answer: "HELLO",
    python: `${repository.folder}/.venv`,
    temperature: 1,
  });
  const { error } = await repository.ask("training", { epochs: 1 });
  assertEquals(
    error,
    'training/train.py has no function train: write "def train(**params):" in it, or write ' +
      '"training: python training/train.py {body}" to run it as a program\n',
  );
});

test("a manifest in the front matter of README.md", async () => {
  await using repository = await Repository.start("front_matter");
  const { output } = await repository.follow("simulate", { steps: 3, seed: 1 });
  const { options, steps } = JSON.parse(output);
  assertEquals([steps, options.seed], [3, 1]);
});
