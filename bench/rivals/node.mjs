// What the AWS Encryption SDK for JavaScript makes of the bench's messages: a line `NAME RATE` for
// each, in bytes or messages a second of CPU. `bulla-bench envelope` runs it beside our own, in a
// folder that has the SDK.
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.cwd(), "package.json"));
const {
  AlgorithmSuiteIdentifier,
  buildClient,
  CommitmentPolicy,
  getLocalCryptographicMaterialsCache,
  NodeCachingMaterialsManager,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} = require("@aws-crypto/client-node");

const LARGE = 4 << 20;
const SMALL = 4096;
// One measurement goes on for at least so many milliseconds; there are several, of which the median
// counts.
const ROUND = 500;
const ROUNDS = 5;

const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
const keyring = new RawAesKeyringNode({
  keyNamespace: "bench",
  keyName: "key",
  unencryptedMasterKey: new Uint8Array(32).fill(7),
  wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
});
const cached = new NodeCachingMaterialsManager({
  backingMaterials: keyring,
  cache: getLocalCryptographicMaterialsCache(10),
  maxAge: 600_000,
});

async function rate(each, work) {
  await work();
  const rates = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now();
    const before = process.cpuUsage();
    let done = 0;
    while (performance.now() - began < ROUND) {
      await work();
      done += each;
    }
    const { user, system } = process.cpuUsage(before);
    rates.push((done * 1e6) / (user + system));
  }
  return rates.sort((one, other) => one - other)[ROUNDS >> 1];
}

for (const [name, length, each, materials] of [
  ["large", LARGE, LARGE, keyring],
  ["small", SMALL, 1, keyring],
  ["cached", SMALL, 1, cached],
]) {
  const plain = Buffer.alloc(length, 5);
  const seal = () =>
    encrypt(materials, plain, {
      suiteId: AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY,
      encryptionContext: { purpose: "bench" },
      frameLength: 4096,
      plaintextLength: length,
    });
  const { result } = await seal();
  console.log(`${name}-encrypt ${await rate(each, seal)}`);
  console.log(`${name}-decrypt ${await rate(each, () => decrypt(materials, result))}`);
}
