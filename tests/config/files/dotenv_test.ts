import { assertEquals } from "@std/assert";
import { parseDotenv } from "../../../src/config/files/dotenv.ts";

const ENV = { HOME: "/home/me", SET: "from-env", EMPTY: "" };

/**
 * What python-dotenv 1.2.4 makes of these texts in the environment above, where it wins as in
 * `load_dotenv()`. Made by that package itself.
 */
const TABLE: readonly [text: string, variables: Record<string, string>][] = [
  ["A=b", { "A": "b" }],
  ["A = b", { "A": "b" }],
  ["A= b ", { "A": "b" }],
  ["  A=b", { "A": "b" }],
  ["export A=b", { "A": "b" }],
  ["export  A=b", { "A": "b" }],
  ["exportA=b", { "exportA": "b" }],
  ["export\tA=b", { "A": "b" }],
  ["A=", { "A": "" }],
  ["A", {}],
  ["A=b\nA=c", { "A": "c" }],
  ["# A=b", {}],
  ["A=b # c", { "A": "b" }],
  ["A=b#c", { "A": "b#c" }],
  ["A=#b", { "A": "#b" }],
  ["A= #b", { "A": "" }],
  ["A=b\t# c", { "A": "b" }],
  ["A='b # c'", { "A": "b # c" }],
  ['A="b # c"', { "A": "b # c" }],
  ["A='b' # c", { "A": "b" }],
  ['A="b"c', {}],
  ["A='b'c\nB=d", { "B": "d" }],
  ["A=cw_$ecret_9", { "A": "cw_$ecret_9" }],
  ["A=pa$word", { "A": "pa$word" }],
  ["A='pa$word'", { "A": "pa$word" }],
  ['A="pa$word"', { "A": "pa$word" }],
  ["A=$HOME/x", { "A": "$HOME/x" }],
  ["A=${HOME}/x", { "A": "/home/me/x" }],
  ["A='${HOME}/x'", { "A": "/home/me/x" }],
  ['A="${HOME}/x"', { "A": "/home/me/x" }],
  ["A=${NONE}", { "A": "" }],
  ["A=${NONE:-def}", { "A": "def" }],
  ["A=${EMPTY:-def}", { "A": "" }],
  ["A=${SET:-def}", { "A": "from-env" }],
  ["A=${NONE:-}", { "A": "" }],
  ["A=x\nB=${A}y", { "A": "x", "B": "xy" }],
  ["B=${A}y\nA=x", { "B": "y", "A": "x" }],
  ["SET=file\nB=${SET}", { "SET": "file", "B": "from-env" }],
  ["PATH=$PATH:/x", { "PATH": "$PATH:/x" }],
  ["LD=${LD}:/x", { "LD": ":/x" }],
  ["A=$B\nB=$A", { "A": "$B", "B": "$A" }],
  ["A=${B}\nB=${A}", { "A": "", "B": "" }],
  ["A=`x y`", { "A": "`x y`" }],
  ["A='it\\'s'", { "A": "it's" }],
  ['A="say \\"hi\\""', { "A": 'say "hi"' }],
  ['A="a\\nb\\tc\\\\d"', { "A": "a\nb\tc\\d" }],
  ["A='a\\nb'", { "A": "a\\nb" }],
  ["A=a\\nb", { "A": "a\\nb" }],
  ['A="line1\nline2"', { "A": "line1\nline2" }],
  ["A='line1\nline2'", { "A": "line1\nline2" }],
  ['A="unended\nB=c', { "B": "c" }],
  ["A='unended\nB=c", { "B": "c" }],
  ["A-B=1", { "A-B": "1" }],
  ["A.B=1", { "A.B": "1" }],
  ["'A B'=1", { "A B": "1" }],
  ["I: 5", {}],
  ["A:b=1", { "A:b": "1" }],
  ["A b=1", {}],
  ["=b", {}],
  ["A==b", { "A": "=b" }],
  ["A=b=c", { "A": "b=c" }],
  ["A=b c", { "A": "b c" }],
  ['A=""', { "A": "" }],
  ["A=''", { "A": "" }],
  ["A=b\r\nB=c\r\n", { "A": "b", "B": "c" }],
  ["A=b\rB=c", { "A": "b", "B": "c" }],
  ['A="b\r\nc"', { "A": "b\nc" }],
  ["\n\nA=b\n\n", { "A": "b" }],
  ["A=b\n garbage here\nC=d", { "A": "b", "C": "d" }],
  ["A=\\'b", { "A": "\\'b" }],
  ["A=b\\", { "A": "b\\" }],
  ['A="b\\"', {}],
  ["A='b\\'", {}],
  ["A=é 😀", { "A": "é 😀" }],
  ['A={"k": "v", "n": [1]}', { "A": '{"k": "v", "n": [1]}' }],
  ['A=\'{"k": "v"}\'', { "A": '{"k": "v"}' }],
  ["A=https://u:p@h/x?y=1&z=2#frag", { "A": "https://u:p@h/x?y=1&z=2#frag" }],
  ["A=\u00a0b\u00a0", { "A": "b" }],
  ["A=b \u00a0# c", { "A": "b" }],
  ["A=${B", { "A": "${B" }],
  ["A=$", { "A": "$" }],
  ["A=$$", { "A": "$$" }],
  ["A=${}", { "A": "" }],
  ["A=${A:-${B}}", { "A": "${B}" }],
  ["export A", {}],
  ["export=1", { "export": "1" }],
  ['A="\\a\\b\\f\\v\\r\\z"', { "A": "\u0007\b\f\u000b\r\\z" }],
  ["A='\\\\'", { "A": "\\" }],
  ["1A=b", { "1A": "b" }],
  ["é=b", { "é": "b" }],
  ["A=b ;C=d", { "A": "b ;C=d" }],
  ["A=true", { "A": "true" }],
  ['A="a" "b"\nC=d', { "C": "d" }],
  ['A=  "b"  ', { "A": "b" }],
  ['A="b" # c "d"', { "A": "b" }],
  ["A=b 'c # d'", { "A": "b 'c" }],
  ['A=b "c" # d', { "A": 'b "c"' }],
  ["CYBERWAVE_API_TOKEN=abc#def", { "CYBERWAVE_API_TOKEN": "abc#def" }],
  ["A=${HOME:-x}", { "A": "/home/me" }],
  ["A=${HOME}${SET}", { "A": "/home/mefrom-env" }],
  ["A=%20%", { "A": "%20%" }],
  ["toString=1", { "toString": "1" }],
  ["__proto__=1", { ["__proto__"]: "1" }],
  ['A="x\n"', { "A": "x\n" }],
  ["A=' b '", { "A": " b " }],
  ["A=b\u0000c", { "A": "b\u0000c" }],
  ['A=b\n"C"=d', { "A": "b", '"C"': "d" }],
  ["A=\f b", { "A": "b" }],
  ["A=${ HOME }", { "A": "" }],
  ["A=\\${HOME}", { "A": "\\/home/me" }],
];

for (const [text, variables] of TABLE) {
  Deno.test(`.env: ${JSON.stringify(text)}`, async () => {
    assertEquals((await parseDotenv(text, ENV)).variables, variables);
  });
}

Deno.test(".env: the lines that are no NAME=value are named by their numbers", async () => {
  const text = 'A=1\n# x\nI: 5\nB="two\nlines"\n=c\nC="unended\nexport D\nE=\'x\'y\r\nF=2';
  const { variables, unreadable } = await parseDotenv(text, {});
  assertEquals([variables, unreadable], [{ A: "1", B: "two\nlines", F: "2" }, [3, 6, 7, 9]]);
});

Deno.test(".env: reading takes no permission, whatever is expanded", async () => {
  const url = new URL("../../../src/config/files/dotenv.ts", import.meta.url).href;
  const config = new URL("../../../deno.json", import.meta.url).pathname;
  const source = `import { parseDotenv } from "${url}";
    console.log(JSON.stringify((await parseDotenv("A=$HOME\\nB=\${PATH}:/x\\nC=c", {})).variables));`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--allow-env=CYBERWAVE_API_TOKEN,JSR_URL"],
      ...[`--config=${config}`, `data:text/javascript,${encodeURIComponent(source)}`],
    ],
  }).output();
  const [shown, warnings] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(JSON.parse(shown), { A: "$HOME", B: ":/x", C: "c" }, warnings);
  assertEquals(warnings, "");
});

const HOSTILE = 'A=b\n|A="\n|A=${|${a:${|${:-| |\t#|\'\\|A="\\"\n|=\n'.split("|");

Deno.test(".env: hostile text is read to its end, and means at any length what it means when short", async () => {
  // A reader that takes quadratic time would not come to the end of this test.
  const namesIn = async (text: string) => Object.keys((await parseDotenv(text, {})).variables);
  for (const piece of HOSTILE) {
    const [short, long] = [piece.repeat(8), piece.repeat(2 ** 18 / piece.length)];
    assertEquals(await namesIn(`A="${long}"`), await namesIn(`A="${short}"`), piece);
    assertEquals(await namesIn(`A=x ${long}`), await namesIn(`A=x ${short}`), piece);
  }
});
