import { assert, assertEquals } from "@std/assert";
import { HttpNode } from "../support/http_node.ts";
import { Prometheus, prometheusAvailable } from "../support/prometheus.ts";

Deno.test({
  name: "prometheus: one with the configuration of the documentation scrapes a node",
  ignore: !prometheusAvailable(),
  async fn() {
    await using node = await HttpNode.start({ inference: "true" });
    await using sender = await node.world.sender(node.local.identity);
    await sender.ask({ command: "inference", request_id: "r1" });
    const page = new URL("../../.github/docs/monitoring.md", import.meta.url);
    const [, example] = /```yaml\n(scrape_configs:\n[^`]*)```/
      .exec(await Deno.readTextFile(page))!;
    const { host } = new URL(node.url);
    const config = example!.replace("127.0.0.1:8470", host);
    assert(config.includes(host));
    await using prometheus = await Prometheus.start(config);
    await prometheus.scraped;
    assertEquals(await prometheus.query("up", "instance"), { [host]: 1 });
    assertEquals(
      await prometheus.query("cloud_node_workloads_ended_total > 0", "outcome"),
      { succeeded: 1 },
    );
    assertEquals(await prometheus.query("cloud_node_mqtt_connected", "job"), { "cloud-node": 1 });
    const kinds = await prometheus.query("cloud_node_workload_duration_seconds_count", "kind");
    assertEquals(kinds, { inference: 1 });
  },
});
