// KMS and STS through the AWS SDK for JavaScript v3, unmodified: only its environment is set.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";

import {
  AlreadyExistsException,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisabledException,
  DisableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  InvalidCiphertextException,
  KMSClient,
  ListKeysCommand,
  NotFoundException,
  paginateListAliases,
  paginateListKeys,
  ScheduleKeyDeletionCommand,
} from "@aws-sdk/client-kms";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

import { startDev } from "./program.js";

const ACCOUNT = "000000000000";
const bytes = (text) => new TextEncoder().encode(text);
const text = (array) => new TextDecoder().decode(array);

let server;
let kms;

before(async () => {
  server = await startDev();
  kms = new KMSClient({});
});

after(async () => {
  kms?.destroy();
  await server?.stop();
});

async function newKey() {
  return (await kms.send(new CreateKeyCommand({}))).KeyMetadata;
}

/** A client in an account of its own, where lists hold only what the test made. */
function accountClient(account) {
  return new KMSClient({ credentials: { accessKeyId: account, secretAccessKey: "test" } });
}

describe("keys", () => {
  test("a new key is enabled and dated", async () => {
    const key = await newKey();
    assert.equal(key.KeyState, "Enabled");
    assert.equal(key.AWSAccountId, ACCOUNT);
    assert.ok(key.CreationDate instanceof Date);
    assert.ok(Math.abs(key.CreationDate - Date.now()) < 60_000);
    assert.match(key.CurrentKeyMaterialId, /^[0-9a-f]{64}$/);
  });

  test("an alias stands for its key", async () => {
    const { KeyId, Arn } = await newKey();
    const AliasName = `alias/${randomUUID()}`;
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: KeyId }));
    const described = await kms.send(new DescribeKeyCommand({ KeyId: AliasName }));
    assert.equal(described.KeyMetadata.Arn, Arn);
  });

  test("a deletion date is a date", async () => {
    const { KeyId } = await newKey();
    const answer = await kms.send(
      new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }),
    );
    const days = (answer.DeletionDate - Date.now()) / 86_400_000;
    assert.ok(Math.abs(days - 7) < 0.01);
  });

  test("pages hold every key once", async () => {
    const client = accountClient("200000000001");
    const made = new Set();
    for (let number = 0; number < 5; number += 1) {
      made.add((await client.send(new CreateKeyCommand({}))).KeyMetadata.KeyId);
    }
    const listed = [];
    for await (const page of paginateListKeys({ client, pageSize: 2 }, {})) {
      listed.push(...page.Keys.map((key) => key.KeyId));
    }
    client.destroy();
    assert.equal(listed.length, 5);
    assert.deepEqual(new Set(listed), made);
  });

  test("pages hold every alias once", async () => {
    const client = accountClient("200000000002");
    const key = (await client.send(new CreateKeyCommand({}))).KeyMetadata;
    const names = ["alias/a", "alias/b", "alias/c"];
    for (const AliasName of names) {
      await client.send(new CreateAliasCommand({ AliasName, TargetKeyId: key.KeyId }));
    }
    const listed = [];
    for await (const page of paginateListAliases({ client, pageSize: 1 }, {})) {
      listed.push(...page.Aliases.map((alias) => alias.AliasName));
    }
    client.destroy();
    assert.deepEqual(listed.sort(), names);
  });

  test("an account of its own is empty", async () => {
    const client = accountClient("200000000003");
    const answer = await client.send(new ListKeysCommand({}));
    client.destroy();
    assert.deepEqual(answer.Keys, []);
    assert.equal(answer.Truncated, false);
  });
});

describe("encryption", () => {
  test("what is encrypted under a context opens under it alone", async () => {
    const { KeyId, Arn } = await newKey();
    const EncryptionContext = { project: "nile", größe: "ü" };
    const sealed = await kms.send(
      new EncryptCommand({ KeyId, Plaintext: bytes("secret"), EncryptionContext }),
    );
    assert.equal(sealed.KeyId, Arn);
    const { CiphertextBlob } = sealed;
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
    assert.equal(text(opened.Plaintext), "secret");
    assert.equal(opened.KeyId, Arn);
    await assert.rejects(kms.send(new DecryptCommand({ CiphertextBlob })), (error) => {
      assert.ok(error instanceof InvalidCiphertextException);
      assert.equal(error.name, "InvalidCiphertextException");
      return true;
    });
  });

  test("a data key comes in clear and sealed", async () => {
    const { KeyId } = await newKey();
    const dataKey = await kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: "AES_256" }));
    assert.equal(dataKey.Plaintext.length, 32);
    const opened = await kms.send(
      new DecryptCommand({ CiphertextBlob: dataKey.CiphertextBlob, KeyId }),
    );
    assert.deepEqual(opened.Plaintext, dataKey.Plaintext);
    assert.equal(opened.KeyMaterialId, dataKey.KeyMaterialId);
  });

  test("many calls at once are kept apart", async () => {
    const { KeyId } = await newKey();
    const numbers = [...Array(200).keys()];
    const there = await Promise.all(
      numbers.map((n) => kms.send(new EncryptCommand({ KeyId, Plaintext: bytes(`${n}`) }))),
    );
    const back = await Promise.all(
      there.map(({ CiphertextBlob }) => kms.send(new DecryptCommand({ CiphertextBlob }))),
    );
    assert.deepEqual(back.map((opened) => text(opened.Plaintext)), numbers.map(String));
  });
});

describe("errors", () => {
  test("a missing key is a NotFoundException with AWS's words", async () => {
    await assert.rejects(kms.send(new DescribeKeyCommand({ KeyId: "nobody" })), (error) => {
      assert.ok(error instanceof NotFoundException);
      assert.equal(error.message, "Invalid keyId 'nobody'");
      assert.equal(error.$fault, "client");
      assert.equal(error.$metadata.httpStatusCode, 400);
      assert.equal(error.$metadata.attempts, 1);
      assert.ok(error.$metadata.requestId);
      return true;
    });
  });

  test("a disabled key is a DisabledException", async () => {
    const { KeyId, Arn } = await newKey();
    await kms.send(new DisableKeyCommand({ KeyId }));
    const call = kms.send(new EncryptCommand({ KeyId, Plaintext: bytes("x") }));
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof DisabledException);
      assert.equal(error.message, `${Arn} is disabled.`);
      return true;
    });
  });

  test("an alias given twice is an AlreadyExistsException", async () => {
    const { KeyId } = await newKey();
    const alias = { AliasName: `alias/${randomUUID()}`, TargetKeyId: KeyId };
    await kms.send(new CreateAliasCommand(alias));
    await assert.rejects(kms.send(new CreateAliasCommand(alias)), AlreadyExistsException);
  });

  test("a validation error has its code as name", async () => {
    const { KeyId } = await newKey();
    const call = kms.send(new GenerateDataKeyCommand({ KeyId, NumberOfBytes: 1025 }));
    await assert.rejects(call, (error) => {
      assert.equal(error.name, "ValidationException");
      assert.match(error.message, /^1 validation error detected: Value '1025' at 'numberOfBytes'/);
      return true;
    });
  });
});

describe("STS", () => {
  test("the caller is the root user of the account", async () => {
    const sts = new STSClient({});
    const answer = await sts.send(new GetCallerIdentityCommand({}));
    sts.destroy();
    assert.equal(answer.Account, ACCOUNT);
    assert.equal(answer.Arn, `arn:aws:iam::${ACCOUNT}:root`);
  });
});
