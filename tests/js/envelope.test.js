// Messages of `bulla encrypt` opened by the AWS Encryption SDK for JavaScript, and the reverse.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { BranchKeyStoreNode } from "@aws-crypto/branch-keystore-node";
import {
  buildClient,
  CommitmentPolicy,
  KmsKeyringNode,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
  RawRsaKeyringNode,
} from "@aws-crypto/client-node";
import { KmsHierarchicalKeyRingNode } from "@aws-crypto/kms-keyring-node";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";

import { serveBranchTable } from "./branch-table.js";
import { startDev } from "./program.js";

const CONTEXT = { project: "nile", purpose: "archive" };
const PAIRS = Object.entries(CONTEXT).flatMap(([key, value]) => ["--context", `${key}=${value}`]);
const LENGTHS = [0, 100, 4096, 9000];
const SUITES = [
  0x0014, 0x0046, 0x0078, 0x0114, 0x0146, 0x0178, 0x0214, 0x0346, 0x0378, 0x0478, 0x0578,
];

let server;
let folder;
let key;

before(async () => {
  server = await startDev();
  folder = await mkdtemp(join(tmpdir(), "bulla-envelope-"));
  const kms = new KMSClient({});
  key = (await kms.send(new CreateKeyCommand({}))).KeyMetadata.Arn;
  kms.destroy();
});

after(async () => {
  if (folder) await rm(folder, { recursive: true, force: true });
  await server?.stop();
});

/** Runs the command on bytes, by files. */
async function bulla(command, options, bytes) {
  const name = join(folder, randomBytes(8).toString("hex"));
  await writeFile(name, bytes);
  const args = [command, ...options, "-i", name, "-o", `${name}.out`];
  await promisify(execFile)(process.env.BULLA_BIN, args);
  return readFile(`${name}.out`);
}

/** Every suite and length, there and back, between the command with `options` and `keyring`. */
async function bothDirections(options, keyring) {
  for (const suite of SUITES) {
    const commits = suite >= 0x0400;
    const policy = commits
      ? CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
      : CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT;
    const { encrypt, decrypt } = buildClient(policy);
    const name = commits ? "require-encrypt-require-decrypt" : "forbid-encrypt-allow-decrypt";
    const all = [...options, "--commitment-policy", name, ...PAIRS];
    for (const length of LENGTHS) {
      const plain = randomBytes(length);
      const id = suite.toString(16).padStart(4, "0");
      const ours = await bulla("encrypt", [...all, "--suite", id], plain);
      const { plaintext, messageHeader } = await decrypt(keyring, ours);
      assert.deepEqual(plaintext, plain);
      assert.equal(messageHeader.encryptionContext.project, "nile");

      const { result } = await encrypt(keyring, plain, {
        suiteId: suite,
        encryptionContext: CONTEXT,
        frameLength: 4096,
      });
      assert.deepEqual(await bulla("decrypt", all, result), plain);
    }
  }
}

describe("every suite in both directions", () => {
  test("under a key of KMS", async () => {
    await bothDirections(["--key", key], new KmsKeyringNode({ generatorKeyId: key }));
  });

  test("under a raw AES key", async () => {
    const material = randomBytes(32);
    const file = join(folder, "aes");
    await writeFile(file, material);
    const keyring = new RawAesKeyringNode({
      keyNamespace: "tests",
      keyName: "key 1",
      unencryptedMasterKey: new Uint8Array(material),
      wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
    });
    await bothDirections(["--raw-key", file, "--raw-name", "tests/key 1"], keyring);
  });

  test("under a raw RSA key", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    const file = join(folder, "rsa");
    await writeFile(file, privateKey);
    const keyring = new RawRsaKeyringNode({
      keyNamespace: "tests",
      keyName: "key 1",
      rsaKey: { publicKey, privateKey },
      oaepHash: "sha256",
    });
    const options = ["--raw-key", file, "--raw-name", "tests/key 1", "--rsa-padding", "oaep-sha256"];
    await bothDirections(options, keyring);
  });

  test("under branch keys that either side made", async () => {
    const branches = join(folder, "branches");
    await mkdir(branches);
    const table = await serveBranchTable(branches);
    const ddbClient = new DynamoDBClient({ endpoint: table.endpoint });
    const keyStore = new BranchKeyStoreNode({
      storage: { ddbTableName: "table", ddbClient },
      logicalKeyStoreName: "store",
      kmsConfiguration: { identifier: key },
    });
    const where = ["--key", key, "--branch-keys", branches, "--branch-store", "store"];
    try {
      const encryptionContext = { team: "nile" };
      await keyStore.createKey({ branchKeyIdentifier: "theirs", encryptionContext });
      const make = ["branch-key", "create", "ours", ...where];
      await promisify(execFile)(process.env.BULLA_BIN, make);
      for (const branchKeyId of ["theirs", "ours"]) {
        const keyring = new KmsHierarchicalKeyRingNode({ branchKeyId, keyStore, cacheLimitTtl: 60 });
        await bothDirections([...where, "--branch-key", branchKeyId], keyring);
      }
    } finally {
      ddbClient.destroy();
      table.close();
    }
  });
});
