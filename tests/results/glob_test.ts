import { assertEquals } from "@std/assert";
import { isChosen } from "../../src/results/glob.ts";

Deno.test("patterns choose files by their paths", () => {
  const cases: [glob: string, name: string, chosen: boolean][] = [
    ["metrics.json", "metrics.json", true],
    ["metrics.json", "run/metrics.json", false],
    ["metrics.json", "metricsxjson", false],
    ["*_chkpt/**", "a_chkpt/x/y.pt", true],
    ["*_chkpt/**", "run/a_chkpt/y.pt", false],
    ["**/*.pt", "a.pt", true],
    ["**/*.pt", "run/deep/a.pt", true],
    ["**/*.pt", "a.ptx", false],
    ["*.pt", "run/a.pt", false],
    ["run?", "run1/a.pt", true],
    ["run?", "run/a.pt", false],
    ["checkpoints", "checkpoints/.metadata", true],
    ["checkpoints/", "checkpoints/a/b", true],
    ["./checkpoints", "checkpoints/a", true],
    ["/checkpoints", "checkpoints/a", true],
    ["checkpoints", "checkpoints2/a", false],
    ["*", ".hidden", true],
    ["a(b)[c]{d}+$^|-.\\", "a(b)[c]{d}+$^|-.\\", true],
    ["[ab]", "a", false],
    ["a*b", "a\nb", true],
    ["?", "😀", true],
  ];
  for (const [glob, name, chosen] of cases) {
    assertEquals(isChosen(name, [glob]), chosen, `${glob} ${name}`);
  }
  assertEquals(isChosen("anything", []), true);
  assertEquals(isChosen("b", ["a", "b"]), true);
});
