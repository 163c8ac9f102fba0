/**
 * The files that `init` writes: they work as they stand and take nothing but Python.
 *
 * @module
 */
import { starterFile } from "../../config/files/starter_file.ts";
import { PROGRAM } from "../subcommand.ts";
import { WORKER, WORKER_FILE, workerProgram } from "./worker_sample.ts";

/** A file to start from. */
export interface Sample {
  /** Its name. */
  readonly name: string;
  /** What stands in it. */
  readonly text: string;
}

const READ_PARAMS = `def read_params(argument):
    """The params of the command: the argument itself, or the file that it names."""
    if argument.lstrip().startswith("{"):
        return json.loads(argument)
    with open(argument, encoding="utf-8") as file:
        return json.load(file)
`;

const INFER = `"""Answers an inference command. Replace predict() by your model.

cyberwave.yml runs this with {body}: the params of the command as JSON or, when they are large, as
the path of a file that holds them. What is printed to standard output is the reply; what goes to
standard error is shown while the command runs, and is the reply when this exits with another code
than 0.
"""

import json
import sys


${READ_PARAMS}

def predict(params):
    numbers = [value for value in params.values() if isinstance(value, (int, float))]
    return {"sum": sum(numbers), "params": params}


if __name__ == "__main__":
    print(json.dumps(predict(read_params(sys.argv[1]))))
`;

const TRAIN = `"""Runs a training command. Replace train() by your own.

cyberwave.yml runs this with {body_file}: the path of a file that holds the params of the command.
Progress goes to standard error, which is shown while it runs; the result to standard output, which
is the reply.
"""

import json
import sys
import time


${READ_PARAMS}

def train(params):
    """Fits y = weight * x to points of y = 3 * x, by gradient descent."""
    epochs = int(params.get("epochs", 5))
    rate = float(params.get("learning_rate", 0.05))
    points = [(x, 3.0 * x) for x in (1.0, 2.0, 3.0)]
    weight, loss = 0.0, None
    for epoch in range(1, epochs + 1):
        errors = [(weight * x - y, x) for x, y in points]
        loss = sum(error * error for error, _ in errors) / len(points)
        weight -= rate * sum(2 * error * x for error, x in errors) / len(points)
        print(f"epoch {epoch} of {epochs}: loss {loss:.4f}", file=sys.stderr, flush=True)
        time.sleep(0.1)
    return {"epochs": epochs, "loss": loss, "weight": round(weight, 4)}


if __name__ == "__main__":
    print(json.dumps(train(read_params(sys.argv[1]))))
`;

const TEMPLATE_HINT = [
  "{body} stands for the params of a command as JSON: one word that is quoted already, so put no",
  "quotes around it. {body_file} stands for the path of a file that holds them.",
];

const WORKER_HINT = [
  "The worker is started once, loads its model, and answers one command after the other.",
  "{body_file} stands for the path of a file that holds the params of a command.",
];

/** What the files are for. */
interface SampleOptions {
  /** The name by which the shell finds Python. */
  readonly python: string;
  /** Whether the computer has one graphics card. */
  readonly hasOneGpu?: boolean;
  /** Whether inference is a worker that stays loaded, rather than a process for each command. */
  readonly isWorker?: boolean;
}

/** The files, of which cyberwave.yml runs the others. */
export function sampleFiles(
  { python, hasOneGpu = false, isWorker = false }: SampleOptions,
): Sample[] {
  const config = starterFile({
    head: [
      "What this computer does as a Cyberwave Cloud Node.",
      `Try it with "${PROGRAM} dev --once", check it with "${PROGRAM} validate".`,
      "",
      ...(isWorker ? WORKER_HINT : TEMPLATE_HINT),
    ],
    active: {
      inference: isWorker ? workerProgram(python) : `${python} infer.py {body}`,
      training: `${python} train.py {body_file}`,
      ...(hasOneGpu && { exclusive: "[training, inference]" }),
      // The platform's broker speaks TLS there, without which the token travels in clear text.
      mqtt_port: "8883",
    },
    examples: {
      install_script: `${python} -m venv .venv && .venv/bin/pip install -r requirements.txt`,
      simulate: `${python} simulate.py {body}`,
      env: "{HF_HOME: /data/huggingface}",
      exclusive: "[training, inference]",
      python: ".venv/bin/python",
      mqtt_use_tls: "true",
      mqtt_tls_ca_certs: "ca.pem",
      mqtt_username: "my-node",
      gpus: "auto",
      memory_limit: "{training: 64 GiB}",
      timeout: "{inference: 60, training: 86400}",
      state_folder: "~/.cyberwave",
    },
  });
  return [
    { name: "cyberwave.yml", text: config },
    isWorker ? { name: WORKER_FILE, text: WORKER } : { name: "infer.py", text: INFER },
    { name: "train.py", text: TRAIN },
  ];
}
