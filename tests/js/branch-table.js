// A folder of branch keys' records as a DynamoDB table: as much of DynamoDB as key stores ask for.
// The files are those of `bulla branch-key`: lines `NAME VALUE`, both in hexadecimal.
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";

const NUMBERS = ["hierarchy-version"];
const hex = (text) => Buffer.from(text).toString("hex");

/** Serves a folder. Conditions of writes are not looked at. */
export async function serveBranchTable(folder) {
  const path = (item) => join(folder, `${hex(item["branch-key-id"].S)}.${hex(item.type.S)}`);

  async function answer(operation, request) {
    if (operation === "GetItem") {
      const text = await readFile(path(request.Key), "utf8");
      return { Item: Object.fromEntries(text.trimEnd().split("\n").map(attribute)) };
    }
    if (operation !== "TransactWriteItems") throw new Error(`there is no ${operation} here`);
    for (const { Put } of request.TransactItems) await writeFile(path(Put.Item), written(Put.Item));
    return {};
  }

  const server = createServer(async (request, response) => {
    try {
      const operation = request.headers["x-amz-target"].split(".").at(-1);
      const text = JSON.stringify(await answer(operation, await json(request)));
      response.writeHead(200, { "content-type": "application/x-amz-json-1.0" }).end(text);
    } catch (error) {
      const text = JSON.stringify({ __type: "ValidationException", message: String(error) });
      response.writeHead(400, { "content-type": "application/x-amz-json-1.0" }).end(text);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { endpoint: `http://127.0.0.1:${server.address().port}`, close };
}

/** A line of a record as an attribute. */
function attribute(line) {
  const [name, value] = line.split(" ").map((part) => Buffer.from(part, "hex"));
  if (name.toString() === "enc") return ["enc", { B: value.toString("base64") }];
  const kind = NUMBERS.includes(name.toString()) ? "N" : "S";
  return [name.toString(), { [kind]: value.toString() }];
}

/** An item as a record. */
function written(item) {
  const lines = Object.entries(item).map(([name, value]) => {
    const [kind, text] = Object.entries(value)[0];
    return `${hex(name)} ${Buffer.from(text, kind === "B" ? "base64" : "utf8").toString("hex")}\n`;
  });
  return lines.join("");
}
