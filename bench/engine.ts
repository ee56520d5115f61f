import { Agent, request } from "node:http";

/** What the bench asks of a Docker Engine, by its API: the docker command's own time is not measured. */
export interface Engine {
  create(variant: ContainerVariant, command: readonly string[]): Promise<string>;
  start(id: string): Promise<void>;
  kill(id: string): Promise<void>;
  /** Resolves when the container has stopped, or with `removed` when it is gone. */
  wait(id: string, condition: "not-running" | "removed"): Promise<void>;
  remove(id: string): Promise<void>;
  close(): void;
}

/** How a container is made: runtime and network. */
export interface ContainerVariant {
  runtime: string;
  networkMode: "none" | "bridge";
  autoRemove?: boolean;
}

export function engineAt(socketPath: string): Engine {
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });
  const call = (method: string, path: string, body?: unknown): Promise<string> =>
    new Promise((resolve, reject) => {
      const options = { socketPath, agent, method, path: `/v1.41${path}` };
      const text = body === undefined ? "" : JSON.stringify(body);
      const headers = text === "" ? {} : { "Content-Type": "application/json" };
      const sent = request({ ...options, headers }, (response) => {
        let answer = "";
        response.setEncoding("utf8");
        response.on("data", (data: string) => (answer += data));
        response.on("error", reject);
        response.on("end", () => {
          if ((response.statusCode ?? 500) < 400) resolve(answer);
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${answer}`));
        });
      });
      sent.on("error", reject);
      sent.end(text);
    });
  return {
    async create({ runtime, networkMode, autoRemove = false }, command) {
      const answer: { Id: string } = JSON.parse(
        await call("POST", "/containers/create", {
          Image: "busybox",
          Cmd: command,
          StopSignal: "KILL",
          HostConfig: { Runtime: runtime, NetworkMode: networkMode, AutoRemove: autoRemove },
        }),
      );
      return answer.Id;
    },
    start: async (id) => void (await call("POST", `/containers/${id}/start`)),
    kill: async (id) => void (await call("POST", `/containers/${id}/kill?signal=KILL`)),
    wait: async (id, condition) =>
      void (await call("POST", `/containers/${id}/wait?condition=${condition}`)),
    remove: async (id) => void (await call("DELETE", `/containers/${id}?force=1&v=1`)),
    close: () => agent.destroy(),
  };
}
