import { defineConfig } from "rolldown";

/** One CommonJS file with every dependency inside: the program that the launcher starts. */
export default defineConfig({
  input: "src/main.ts",
  platform: "node",
  output: { file: "dist/docker-cni.cjs", format: "cjs", codeSplitting: false },
});
