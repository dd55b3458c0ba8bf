// The real server on a project, to be killed and started again at the same address.

import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const binary = process.env.MILLSTREAM_TEST_BINARY;
export const project = process.env.MILLSTREAM_TEST_PROJECT;
const run = promisify(execFile);

/** Runs the command line on the project; fails as it fails. */
export async function millstream(...words) {
  const { stdout } = await run(binary, ["-C", project, ...words]);
  return stdout;
}

export class Server {
  /** Starts `serve` and waits until it listens. */
  static async start(listen = "127.0.0.1:0", ...words) {
    const child = spawn(binary, ["-C", project, "serve", "--listen", listen, ...words], { stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: child.stdout })) {
      const address = line.split("://").at(-1).trim();
      return new Server(child, address);
    }
    throw new Error("the server ended before it listened");
  }

  constructor(child, address) {
    this.child = child;
    this.address = address;
    this.base = `http://${address}`;
  }

  /** Ends it as a crash would. */
  kill() {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGKILL");
    return ended;
  }

  async post(path, body = {}) {
    const response = await fetch(`${this.base}/api/v1${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    return response.json();
  }

  async get(path) {
    return (await fetch(`${this.base}/api/v1${path}`)).json();
  }
}
