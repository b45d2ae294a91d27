// The program under test: started on a free port, ended by its own handle.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const READY_MS = 30_000;
const END_MS = 15_000;
const POLL_MS = 10;

async function freePort() {
  const probe = createServer();
  probe.listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

async function isHealthy(endpoint) {
  try {
    const answer = await fetch(`${endpoint}/_bulla/health`, { signal: AbortSignal.timeout(5000) });
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false;
  }
}

/** Starts `bulla dev` on a data folder of its own and points the SDK's environment at it. */
export async function startDev() {
  const binary = process.env.BULLA_BIN;
  if (!binary) throw new Error("BULLA_BIN is not set: run the suite by `cargo xtask conformance`");
  const folder = await mkdtemp(join(tmpdir(), "bulla-js-"));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const args = ["dev", "--listen", `127.0.0.1:${port}`, "--data", join(folder, "data")];
  const child = spawn(binary, args, { stdio: ["ignore", "ignore", "inherit"] });
  const ended = new Promise((resolve) => {
    child.once("exit", resolve);
    child.once("error", resolve);
  });
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null || !child.pid;

  async function stop() {
    const killer = setTimeout(() => child.kill("SIGKILL"), END_MS);
    if (!hasEnded()) child.kill("SIGTERM");
    await ended;
    clearTimeout(killer);
    await rm(folder, { recursive: true, force: true });
  }

  const deadline = Date.now() + READY_MS;
  while (!(await isHealthy(endpoint))) {
    if (hasEnded() || Date.now() > deadline) {
      await stop();
      throw new Error(`bulla dev did not become ready on ${endpoint}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  for (const name of Object.keys(process.env)) {
    if (name.startsWith("AWS_")) delete process.env[name];
  }
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_REGION: "eu-central-1",
    AWS_CONFIG_FILE: join(folder, "none"),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, "none"),
    AWS_EC2_METADATA_DISABLED: "true",
  });
  return { endpoint, stop };
}
