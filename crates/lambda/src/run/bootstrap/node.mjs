// Runs a handler in Node.js on Lambda's Runtime API.

import { existsSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const API = process.env.AWS_LAMBDA_RUNTIME_API;
const ROOT = process.env.LAMBDA_TASK_ROOT;
const PREFIX = "/2018-06-01/runtime/";
const [host, port] = API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function ask(method, where, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const bytes = body === undefined ? undefined : Buffer.from(body);
    const options = { host, port, method, agent, path: PREFIX + where, headers };
    if (bytes) options.headers = { ...headers, "Content-Length": bytes.length };
    const request = http.request(options, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve({ headers: answer.headers, body: Buffer.concat(parts) }));
      answer.on("error", reject);
    });
    request.on("error", reject);
    request.end(bytes);
  });
}

class Refused extends Error {
  constructor(kind, text) {
    super(text);
    this.name = kind;
  }
}

function described(error) {
  if (!(error instanceof Error)) {
    const errorMessage = typeof error === "string" ? error : JSON.stringify(error) ?? "null";
    return { errorType: typeof error === "object" ? "object" : typeof error, errorMessage, trace: [] };
  }
  const trace = (error.stack ?? "").split("\n");
  return { errorType: error.name, errorMessage: error.message, trace };
}

async function fail(where, error) {
  const told = described(error);
  console.error(`ERROR\t${JSON.stringify(told)}`);
  const headers = {
    "Content-Type": "application/json",
    "Lambda-Runtime-Function-Error-Type": told.errorType,
  };
  await ask("POST", where, JSON.stringify(told), headers);
}

async function find(name) {
  const dot = name.lastIndexOf(".");
  const file = path.resolve(ROOT, name.slice(0, dot));
  const own = name.slice(dot + 1);
  if (dot < 1 || own === "") {
    throw new Refused("Runtime.MalformedHandlerName", "Bad handler");
  }
  const found = ["", ".js", ".mjs", ".cjs"].map((end) => file + end).find((at) => {
    return path.extname(at) !== "" && existsSync(at);
  });
  const require = createRequire(path.join(ROOT, "/"));
  let module;
  try {
    if (found === undefined) {
      module = require(file);
    } else if (found.endsWith(".cjs")) {
      module = require(found);
    } else {
      module = await import(pathToFileURL(found).href);
    }
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new Refused("Runtime.UserCodeSyntaxError", `${error.name}: ${error.message}`);
    }
    if (error.code === "MODULE_NOT_FOUND" || error.code === "ERR_MODULE_NOT_FOUND") {
      throw new Refused("Runtime.ImportModuleError", `Error: ${error.message}`);
    }
    throw error;
  }
  const handler = module[own] ?? module.default?.[own];
  if (handler === undefined) {
    throw new Refused("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  }
  if (typeof handler !== "function") {
    throw new Refused("Runtime.HandlerNotFound", `${name} is not a function`);
  }
  return handler;
}

function context(headers) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const given = headers["lambda-runtime-client-context"];
  return {
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: given ? JSON.parse(given) : undefined,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

// A handler answers by a promise, by its result if it is no promise and takes no callback, or by
// its callback.
function run(handler, event, told) {
  return new Promise((resolve, reject) => {
    const callback = (error, result) => (error ? reject(error) : resolve(result));
    const result = handler(event, told, callback);
    if (result !== null && typeof result === "object" && typeof result.then === "function") {
      result.then(resolve, reject);
    } else if (handler.length < 3) {
      resolve(result);
    }
  });
}

let open = "";

async function crash(error) {
  try {
    await fail(open === "" ? "init/error" : `invocation/${open}/error`, error);
  } finally {
    process.exit(129);
  }
}

process.on("uncaughtException", crash);
process.on("unhandledRejection", (reason) => {
  const text = reason instanceof Error ? reason.stack : String(reason);
  crash(new Refused("Runtime.UnhandledPromiseRejection", text));
});

let handler;
try {
  handler = await find(process.env._HANDLER);
} catch (error) {
  await fail("init/error", error);
  process.exit(1);
}
for (;;) {
  const { headers, body } = await ask("GET", "invocation/next");
  const told = context(headers);
  open = told.awsRequestId;
  try {
    const event = body.length === 0 ? {} : JSON.parse(body.toString());
    const result = await run(handler, event, told);
    const answer = JSON.stringify(result === undefined ? null : result);
    const headers = { "Content-Type": "application/json" };
    await ask("POST", `invocation/${open}/response`, answer, headers);
  } catch (error) {
    await fail(`invocation/${open}/error`, error);
  }
  open = "";
}
