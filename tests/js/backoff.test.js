// The SDK's ways to back off, against a quota that many workers share.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { GenerateRandomCommand, KMSClient } from "@aws-sdk/client-kms";

import { startDev } from "./program.js";

const WORKERS = 200;
const EACH = 2;
const RATE = 50;
const SYMMETRIC = "L-6E3AF000";
const NAME = "Cryptographic operations (symmetric) request rate";

let server;

before(async () => {
  server = await startDev();
});

after(async () => {
  await server?.stop();
});

/** What became of the calls that the quota was charged with, by the server's metrics. */
async function charged() {
  const text = await (await fetch(`${server.endpoint}/_bulla/metrics`)).text();
  const count = (outcome) => {
    const start = `bulla_quota_calls_total{service="kms",quota="${NAME}",outcome="${outcome}"} `;
    const line = text.split("\n").find((line) => line.startsWith(start));
    return line ? Number(line.slice(start.length)) : 0;
  };
  return { admitted: count("admitted"), throttled: count("throttled") };
}

describe("clients that back off", () => {
  for (const [retryMode, account] of [
    ["standard", "111122223333"],
    ["adaptive", "444455556666"],
  ]) {
    test(`${WORKERS} workers in ${retryMode} mode all finish`, async () => {
      const env = { ...process.env, AWS_ACCESS_KEY_ID: account };
      const words = ["quota", "set", "kms", SYMMETRIC, String(RATE)];
      await promisify(execFile)(process.env.BULLA_BIN, words, { env });
      const earlier = await charged();
      const credentials = { accessKeyId: account, secretAccessKey: "test" };
      // A client keeps a budget of retries, which workers would take from each other.
      const clients = Array.from({ length: WORKERS }, () => {
        return new KMSClient({ retryMode, maxAttempts: 30, credentials });
      });
      const began = performance.now();
      const work = async (kms) => {
        const values = [];
        for (let call = 0; call < EACH; call += 1) {
          const { Plaintext } = await kms.send(new GenerateRandomCommand({ NumberOfBytes: 16 }));
          values.push(Buffer.from(Plaintext).toString("hex"));
        }
        return values;
      };
      const values = new Set((await Promise.all(clients.map(work))).flat());
      const took = (performance.now() - began) / 1000;
      for (const kms of clients) kms.destroy();
      const now = await charged();
      const admitted = now.admitted - earlier.admitted;
      const throttled = now.throttled - earlier.throttled;
      console.log(`${retryMode}: ${admitted} admitted, ${throttled} throttled, ${took.toFixed(1)} s`);
      assert.equal(values.size, WORKERS * EACH);
      assert.equal(admitted, WORKERS * EACH);
      assert.ok(throttled > 0);
      assert.ok(took > ((WORKERS * EACH - RATE) / RATE) * 0.98, "the rate was exceeded");
    });
  }
});
