/** A program that loads the largest dependency and does nothing: what starting one costs anyway. */
import "mqtt";

console.error("ready");
setInterval(() => {}, 60_000);
