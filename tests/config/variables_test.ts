import { assertEquals } from "@std/assert";
import { isSecretName, variables } from "../../src/config/variables.ts";

Deno.test("variables are a mapping of names to texts, numbers and booleans", () => {
  assertEquals(variables.parse({ A: "x", B_2: 5, C: true }), {
    value: { A: "x", B_2: "5", C: "true" },
  });
});

Deno.test("variables are also a list of NAME=value, and a name alone is the node's own variable", () => {
  assertEquals(variables.parse(["A=x=y", "B=", "C"]), { value: { A: "x=y", B: "", C: null } });
  assertEquals(variables.parse({ A: null }), { value: { A: null } });
});

Deno.test("what is no variable is refused, with where it stands", () => {
  const names = "must be given for names of variables (letters, digits and _), got";
  const table: [unknown, string, (string | number)?][] = [
    ["A=1", 'must be a mapping of variables to values, or a list of NAME=value, got "A=1"'],
    [{ "A B": "1" }, `${names} "A B"`, "A B"],
    [["A=1", "2B=1"], `${names} "2B"`, 1],
    [["A", { B: "1" }], `${names} {"B":"1"}`, 1],
    [{ A: ["1"] }, "must give A a text (put it in quotes)", "A"],
    [{ A: "\0" }, "for A must not hold NUL", "A"],
    [
      { A: "${B" },
      "for A has ${ that is no ${NAME}, ${NAME:-default} or ${NAME:?error}: write $${",
      "A",
    ],
  ];
  for (const [value, problem, key] of table) {
    const expected = key === undefined ? { problem } : { problem, path: [key] };
    assertEquals<unknown>(variables.parse(value), expected);
  }
});

Deno.test("a name that says so is that of a secret", () => {
  const secret = ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "db_password", "APIKEY", "SECRET_KEY_BASE"];
  const plain = ["MAX_TOKENS", "TOKENIZERS_PARALLELISM", "KEYBOARD", "PWD", "MONKEY", "HOME"];
  assertEquals(secret.map(isSecretName), secret.map(() => true));
  assertEquals(plain.map(isSecretName), plain.map(() => false));
});

Deno.test("the values of variables are never shown", () => {
  assertEquals(variables.format({ HF_TOKEN: "hf_secret", B: "x" }), "HF_TOKEN, B");
});
