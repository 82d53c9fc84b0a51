// deploy/kubernetes: against the strict schema of Kubernetes (DEPLOY_SCHEMA), and what no schema says.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Ajv from "ajv/dist/2020.js";
import { deploy, manifests } from "./files.js";
import { configuration, stopping } from "./gateway.js";

const schema = JSON.parse(readFileSync(process.env.DEPLOY_SCHEMA, "utf8"));
// Formats (int32, date-time) are of no use here, and the schema contains keywords of Kubernetes.
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema(schema, "kubernetes");

const objects = manifests();
const all = (kind) => objects.filter((object) => object.kind === kind);
const [deployment] = all("Deployment");
const pod = deployment.spec.template;
const [container] = pod.spec.containers;

/** Whether each label that is asked for is the pod's. */
const selects = (labels) => Object.entries(labels).every(([name, value]) => pod.metadata.labels[name] === value);

/** The variables of the container; one from the Secret has the value that README.md tells to create. */
function environment(folder) {
  const values = container.env.map(({ name, value, valueFrom }) => {
    if (valueFrom === undefined) return [name, value];
    assert.equal(valueFrom.secretKeyRef.key, "backbone-url");
    return [name, "nats://nats.nats.svc:4222"];
  });
  const mount = container.volumeMounts[0].mountPath;
  return Object.fromEntries(values.map(([name, value]) => [name, value.replace(mount, folder)]));
}

test("each object is what Kubernetes 1.37 accepts, without unknown fields", () => {
  assert.deepEqual(objects.map(({ kind }) => kind).sort(), ["Deployment", "PodDisruptionBudget", "Service", "Service"]);
  for (const object of objects) {
    const kind = new RegExp(`\\.${object.apiVersion.replace(/^.*\//, "")}\\.${object.kind}$`);
    const [name, ...others] = Object.keys(schema.$defs).filter((known) => known.startsWith("io.k8s.api.") && kind.test(known));
    assert.ok(name !== undefined && others.length === 0, `${object.apiVersion} ${object.kind}`);
    const validate = ajv.getSchema(`kubernetes#/$defs/${name}`);
    assert.ok(validate(object), `${object.kind} ${object.metadata.name}: ${ajv.errorsText(validate.errors, { separator: "\n" })}`);
  }
});

test("a gateway starts with the variables and the files of the Secret, and ends within the grace period", () => {
  const folder = mkdtempSync(join(tmpdir(), "deploy-"));
  try {
    const [volume] = pod.spec.volumes;
    for (const { path } of volume.secret.items) writeFileSync(join(folder, path), "0123456789abcdef0123456789abcdef", { mode: 0o600 });
    const values = configuration(environment(folder));
    assert.equal(values["backbone.kind"], "nats");
    assert.ok(pod.spec.terminationGracePeriodSeconds >= stopping(values), "terminationGracePeriodSeconds is too short");
    const { periodSeconds, timeoutSeconds, failureThreshold } = container.readinessProbe;
    const unready = (periodSeconds + timeoutSeconds) * failureThreshold;
    assert.ok(Number.parseInt(values["timeouts.unready"], 10) > unready, "timeouts.unready is shorter than the probes take");
    assert.equal(Number(container.resources.requests.cpu), Number(values["runtime.workers"]));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("what selects pods selects these, and ports are those on which the gateway listens", () => {
  const spreads = pod.spec.topologySpreadConstraints;
  for (const { matchLabels } of [deployment.spec.selector, all("PodDisruptionBudget")[0].spec.selector, ...spreads.map((spread) => spread.labelSelector)]) {
    assert.ok(selects(matchLabels), JSON.stringify(matchLabels));
  }
  const variable = (name) => container.env.find((one) => one.name === name).value;
  const listens = { http: variable("MICRO_SOCKET_LISTEN"), admin: variable("MICRO_SOCKET_HTTP__ADMIN_LISTEN") };
  for (const { name, containerPort } of container.ports) assert.equal(listens[name], `0.0.0.0:${containerPort}`);
  const named = container.ports.map(({ name }) => name);
  for (const { spec } of all("Service")) {
    assert.ok(selects(spec.selector));
    for (const { targetPort } of spec.ports) assert.ok(named.includes(targetPort), targetPort);
  }
  assert.deepEqual(
    [container.livenessProbe, container.readinessProbe].map(({ httpGet }) => [httpGet.path, httpGet.port]),
    [["/healthz", "admin"], ["/readyz", "admin"]],
  );
});

test("every key of the Secret is in the command that README.md gives", () => {
  const readme = readFileSync(join(deploy, "README.md"), "utf8");
  const command = /kubectl create secret generic (\S+)((?: \\\n|.)*)/.exec(readme);
  const [volume] = pod.spec.volumes;
  const references = container.env.flatMap(({ valueFrom }) => (valueFrom === undefined ? [] : [valueFrom.secretKeyRef]));
  assert.deepEqual([volume.secret.secretName, ...references.map(({ name }) => name)], [command[1], command[1]]);
  const created = [...command[2].matchAll(/--from-(?:literal|file)=([\w-]+)/g)].map(([, key]) => key).sort();
  const used = [...references.map(({ key }) => key), ...volume.secret.items.map(({ key }) => key)].sort();
  assert.deepEqual(created, used);
});
