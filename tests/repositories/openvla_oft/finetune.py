"""Takes flags, and saves checkpoints as it goes."""

import argparse
import json
import os

parser = argparse.ArgumentParser()
parser.add_argument("--vla_path", required=True)
parser.add_argument("--run_root_dir", required=True)
parser.add_argument("--batch_size", type=int, default=1)
parser.add_argument("--learning_rate", type=float, default=1e-4)
parser.add_argument("--use_lora", action="store_true")
parser.add_argument("--dataset", action="append", default=[])
parser.add_argument("--save_every", type=int, required=True)
parser.add_argument("--max_steps", type=int, default=4)
args = parser.parse_args()

for step in range(args.save_every, args.max_steps + 1, args.save_every):
    for part in ["adapter", "head"]:
        folder = f"{args.run_root_dir}/{step}_chkpt/{part}"
        os.makedirs(folder)
        with open(f"{folder}/model.safetensors", "w", encoding="utf-8") as file:
            file.write(f"{part} at {step}")
with open(f"{args.run_root_dir}/debug.log", "w", encoding="utf-8") as file:
    file.write("no result")
with open(f"{args.run_root_dir}/../metrics.json", "w", encoding="utf-8") as file:
    json.dump({"loss": 0.1}, file)
print(json.dumps(vars(args)))
