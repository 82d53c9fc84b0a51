// deploy/compose: as docker compose reads it (DEPLOY_COMPOSE), without a container engine and without a network.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { deploy, seconds, yaml } from "./files.js";
import { configuration, stopping } from "./gateway.js";

const { services } = JSON.parse(
  execFileSync(process.env.DEPLOY_COMPOSE, ["-f", join(deploy, "compose/compose.yaml"), "config", "--format", "json"], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    encoding: "utf8",
  }),
);
const gateways = Object.entries(services).filter(([name]) => name.startsWith("gateway-"));

test("there are three gateways, each with a configuration that it starts with", () => {
  assert.equal(gateways.length, 3);
  for (const [, { environment, stop_grace_period, ulimits }] of gateways) {
    const values = configuration(environment);
    assert.equal(values["backbone.kind"], "nats");
    const [host, port] = new URL(environment.MICRO_SOCKET_BACKBONE__URL).host.split(":");
    assert.ok(services[host], `${host} is no service`);
    assert.match(readFileSync(join(deploy, "compose/nats.conf"), "utf8"), new RegExp(`^port: ${port}$`, "m"));
    assert.ok(seconds(stop_grace_period) >= stopping(values), `stop_grace_period ${stop_grace_period} is too short`);
    assert.ok(ulimits.nofile >= Number(values["limits.max_connections"]) + Number(values["limits.max_http_connections"]) + 100);
  }
});

test("nginx and Prometheus name every gateway, at a port on which it listens", () => {
  const nginx = readFileSync(join(deploy, "compose/nginx.conf"), "utf8");
  const upstream = [...nginx.matchAll(/^ {4}server (\S+) resolve;$/gm)].map(([, address]) => address);
  const [job] = yaml("prometheus", "prometheus.yml").scrape_configs;
  const scraped = job.static_configs.flatMap(({ targets }) => targets);
  const at = (key) => gateways.map(([name, { environment }]) => `${name}:${environment[key].split(":").at(-1)}`);
  assert.deepEqual(upstream, at("MICRO_SOCKET_LISTEN"));
  assert.deepEqual(scraped, at("MICRO_SOCKET_HTTP__ADMIN_LISTEN"));
});

test("every file that is mounted or built from exists", () => {
  for (const [name, { volumes = [], build }] of Object.entries(services)) {
    const used = volumes.filter(({ type }) => type === "bind").map(({ source }) => source);
    if (build !== undefined) used.push(join(build.context, build.dockerfile));
    for (const file of used) assert.ok(existsSync(file), `${name}: ${file}`);
  }
});

test("only nginx is reached from outside of the machine's own programs, and it asks the network that gateways trust", () => {
  const published = Object.values(services).flatMap(({ ports = [] }) => ports);
  assert.ok(published.length > 0 && published.every(({ host_ip }) => host_ip === "127.0.0.1"));
  const { networks } = yaml("compose", "compose.yaml");
  for (const [, { environment }] of gateways) {
    assert.equal(environment.MICRO_SOCKET_ACCESS__TRUSTED_PROXIES, networks.default.ipam.config[0].subnet);
  }
});
