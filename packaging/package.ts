/**
 * npm run package -- [--arch x64|arm64]: dist/docker-cni-VERSION-linux-ARCH.tar.gz and .deb, for this machine's architecture unless
 * told. With `--program FILE` an executable that was built before, with `--out DIR` another folder than dist.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { completionScript } from "../src/cli/completion-scripts.ts";
import { buildExecutable } from "./executable.ts";
import { commandsPage, configurationPage } from "./man.ts";

const root = join(import.meta.dirname, "..");
const manifest: { version: string; description: string } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
);
const DEBIAN_ARCHITECTURES: Record<string, string> = { x64: "amd64", arm64: "arm64" };

/** What `docker-cni install` puts where nothing is: beside the program, as in the source tree. */
const INSTALLED = [
  "config/cni.yaml",
  "config/net.d/10-docker-cni.conflist",
  "systemd/docker-cni-gc.service",
  "systemd/docker-cni-gc.path",
];

/** Where the files go below the prefix: the package's /usr, or the archive's own folder. */
const FILES: readonly [source: string, target: string, mode: number][] = [
  ["bin/docker-cni", "bin/docker-cni", 0o755],
  ["hooks/poststop", "lib/docker-cni/hooks/poststop", 0o755],
  ["hooks/createruntime", "lib/docker-cni/hooks/createruntime", 0o755],
  ["config/net.d/10-docker-cni.conflist", "share/docker-cni/net.d/10-docker-cni.conflist", 0o644],
  ...INSTALLED.map((file): [string, string, number] => [file, `lib/docker-cni/${file}`, 0o644]),
  ["README.md", "share/doc/docker-cni/README.md", 0o644],
  ["LICENSE", "share/doc/docker-cni/copyright", 0o644],
  ["daemon.json.example", "share/doc/docker-cni/daemon.json.example", 0o644],
  ["systemd/docker-cni-gc.service", "lib/systemd/system/docker-cni-gc.service", 0o644],
  ["systemd/docker-cni-gc.path", "lib/systemd/system/docker-cni-gc.path", 0o644],
  ["systemd/docker-cni-heal.service", "lib/systemd/system/docker-cni-heal.service", 0o644],
  ["systemd/docker-cni-dhcp.service", "lib/systemd/system/docker-cni-dhcp.service", 0o644],
  ["systemd/docker-cni-dhcp.socket", "lib/systemd/system/docker-cni-dhcp.socket", 0o644],
  ["systemd/docker-cni-dns.service", "lib/systemd/system/docker-cni-dns.service", 0o644],
  ["systemd/docker-cni-metrics.service", "lib/systemd/system/docker-cni-metrics.service", 0o644],
  ["systemd/docker-cni-metrics.timer", "lib/systemd/system/docker-cni-metrics.timer", 0o644],
];

/** Files below /etc that stay as the operator changed them. */
const CONFIGURATION: readonly [source: string, target: string][] = [
  ["config/cni.yaml", "etc/docker/cni.yaml"],
  ["config/logrotate", "etc/logrotate.d/docker-cni"],
];

/** zsh looks for functions of the host's administrator and of Debian's packages in different folders. */
const ZSH_ARCHIVE = "share/zsh/site-functions/_docker-cni";
const ZSH_DEBIAN = "share/zsh/vendor-completions/_docker-cni";

/** Files that name the program's place. */
const NAMING = [/\.service$/, /daemon\.json\.example$/];

const {
  arch,
  out,
  program: built,
} = parseArgs({
  options: {
    arch: { type: "string", default: process.arch },
    out: { type: "string", default: join(root, "dist") },
    program: { type: "string" },
  },
}).values;
const scratch = mkdtempSync(join(tmpdir(), "docker-cni-package-"));
const program = built ?? join(scratch, "program");
try {
  mkdirSync(out, { recursive: true });
  if (built === undefined) buildExecutable(program, arch);
  const documents = await documentFiles();
  print(packArchive(documents));
  print(packDeb(documents));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

type Documents = readonly (readonly [target: string, content: string | Uint8Array])[];

/** Man pages and completions, as the program has its commands. */
async function documentFiles(): Promise<Documents> {
  const pages = [
    ["man1/docker-cni.1", await commandsPage(manifest.version)],
    ["man5/cni.yaml.5", configurationPage(manifest.version)],
  ] as const;
  return [
    ...pages.map(([name, text]) => [`share/man/${name}.gz`, gzipSync(text, { level: 9 })] as const),
    ["share/bash-completion/completions/docker-cni", completionScript("bash")],
    [ZSH_ARCHIVE, completionScript("zsh")],
    ["share/fish/vendor_completions.d/docker-cni.fish", completionScript("fish")],
  ];
}

function packArchive(documents: Documents): string {
  const name = `docker-cni-${manifest.version}-linux-${arch}`;
  const folder = join(scratch, name);
  putFiles(folder);
  for (const [target, content] of documents) putContent(join(folder, target), content);
  for (const [source, target] of CONFIGURATION) put(source, join(folder, target), 0o644);
  put("packaging/install", join(folder, "install"), 0o755);
  const archive = join(out, `${name}.tar.gz`);
  const owner = ["--owner=root:0", "--group=root:0", "--sort=name"];
  execFileSync("tar", ["-C", scratch, ...owner, "-czf", archive, name]);
  return archive;
}

function packDeb(documents: Documents): string {
  const architecture = DEBIAN_ARCHITECTURES[arch];
  if (architecture === undefined) throw new Error(`no Debian packages for ${arch}`);
  const folder = join(scratch, "deb");
  putFiles(join(folder, "usr"));
  for (const [target, content] of documents) {
    putContent(join(folder, "usr", target.replace(ZSH_ARCHIVE, ZSH_DEBIAN)), content);
  }
  // Docker's client finds its plugins there.
  const plugins = join(folder, "usr/libexec/docker/cli-plugins");
  mkdirSync(plugins, { recursive: true, mode: 0o755 });
  symlinkSync("../../../bin/docker-cni", join(plugins, "docker-cni"));
  // By this name the program is a CNI plugin.
  const cni = join(folder, "usr/lib/docker-cni/cni");
  mkdirSync(cni, { recursive: true, mode: 0o755 });
  symlinkSync("../dist/docker-cni", join(cni, "docker-cni-bridge"));
  for (const [, target] of FILES.filter(([, file]) => NAMING.some((name) => name.test(file)))) {
    const file = join(folder, "usr", target);
    writeFileSync(file, readFileSync(file, "utf8").replaceAll("/usr/local/bin/", "/usr/bin/"));
  }
  for (const [source, target] of CONFIGURATION) put(source, join(folder, target), 0o644);
  for (const script of ["postinst", "prerm", "postrm"]) {
    put(`packaging/deb/${script}`, join(folder, "DEBIAN", script), 0o755);
  }
  writeFileSync(
    join(folder, "DEBIAN/conffiles"),
    CONFIGURATION.map(([, target]) => `/${target}\n`).join(""),
  );
  writeFileSync(join(folder, "DEBIAN/control"), controlFile(architecture, installedSize(folder)));
  const deb = join(out, `docker-cni_${manifest.version}_${architecture}.deb`);
  execFileSync("dpkg-deb", ["--root-owner-group", "-Zgzip", "--build", folder, deb], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return deb;
}

/** deb-control(5). The C library is the one that the program is linked with. */
function controlFile(architecture: string, installedKiB: number): string {
  return `Package: docker-cni
Version: ${manifest.version}
Architecture: ${architecture}
Maintainer: the docker-cni maintainers <docker-cni@localhost>
Installed-Size: ${installedKiB}
Depends: libc6 (>= 2.17), iproute2, util-linux
Recommends: containernetworking-plugins, iptables, nftables, runc
Suggests: docker.io
Section: admin
Priority: optional
Description: CNI networks for plain Docker containers
 ${manifest.description}.
 Registered as a runtime of Docker's, it puts containers on networks of any CNI plugin.
`;
}

function putFiles(prefix: string): void {
  for (const [source, target, mode] of FILES) put(source, join(prefix, target), mode);
  put(program, join(prefix, "lib/docker-cni/dist/docker-cni"), 0o755);
}

function put(source: string, target: string, mode: number): void {
  mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
  copyFileSync(resolve(root, source), target);
  chmodSync(target, mode);
}

function putContent(target: string, content: string | Uint8Array): void {
  mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
  writeFileSync(target, content, { mode: 0o644 });
  chmodSync(target, 0o644);
}

function installedSize(folder: string): number {
  const output = execFileSync("du", ["--summarize", "--block-size=1024", folder], {
    encoding: "utf8",
  });
  return Number.parseInt(output, 10);
}

function print(file: string): void {
  const size = statSync(file).size / 1e6;
  process.stdout.write(`${relative(root, file)}: ${size.toFixed(0)} MB\n`);
}
