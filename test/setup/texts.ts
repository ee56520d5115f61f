/**
 * Texts of daemon.json: `§` is where the runtime comes in, as `inserted` has it, and `¶` where a comma does that stands elsewhere.
 */
export const TEXTS: {
  title: string;
  text: string;
  inserted: string;
}[] = [
  {
    title: "no bytes at all",
    text: "§",
    inserted:
      '{\n  "runtimes": {\n    "cni": {\n      "path": "/usr/bin/docker-cni"\n    }\n  }\n}\n',
  },
  {
    title: "an empty object",
    text: "{§}\n",
    inserted: '\n  "runtimes": {\n    "cni": {\n      "path": "/usr/bin/docker-cni"\n    }\n  }\n',
  },
  {
    title: "an empty object over two lines",
    text: "{§\n}",
    inserted: '\n  "runtimes": {\n    "cni": {\n      "path": "/usr/bin/docker-cni"\n    }\n  }',
  },
  {
    title: "two spaces",
    text: '{\n  "debug": true§\n}\n',
    inserted: ',\n  "runtimes": {\n    "cni": {\n      "path": "/usr/bin/docker-cni"\n    }\n  }',
  },
  {
    title: "four spaces, no newline at the end",
    text: '{\n    "debug": true§\n}',
    inserted:
      ',\n    "runtimes": {\n        "cni": {\n            "path": "/usr/bin/docker-cni"\n        }\n    }',
  },
  {
    title: "tabulators",
    text: '{\n\t"debug": true,\n\t"features": {\n\t\t"buildkit": true\n\t}§\n}\n',
    inserted: ',\n\t"runtimes": {\n\t\t"cni": {\n\t\t\t"path": "/usr/bin/docker-cni"\n\t\t}\n\t}',
  },
  {
    title: "line ends of Windows",
    text: '{\r\n  "debug": true§\r\n}\r\n',
    inserted:
      ',\r\n  "runtimes": {\r\n    "cni": {\r\n      "path": "/usr/bin/docker-cni"\r\n    }\r\n  }',
  },
  {
    title: "a byte order mark",
    text: '\uFEFF{\n  "debug": true§\n}\n',
    inserted: ',\n  "runtimes": {\n    "cni": {\n      "path": "/usr/bin/docker-cni"\n    }\n  }',
  },
  {
    title: "minified",
    text: '{"debug":true,"features":{"buildkit":true}§}',
    inserted: ',"runtimes":{"cni":{"path":"/usr/bin/docker-cni"}}',
  },
  {
    title: "one line with spaces",
    text: '{ "debug": true§ }\n',
    inserted: ', "runtimes": { "cni": { "path": "/usr/bin/docker-cni" } }',
  },
  {
    title: "several keys on a line",
    text: '{\n  "a": 1, "b": [1,2, 3],\n  "c":{"d":  4}§\n}\n',
    inserted: ',\n  "runtimes": {\n    "cni": {\n      "path": "/usr/bin/docker-cni"\n    }\n  }',
  },
  {
    title: "runtimes of others",
    text: '{\n  "runtimes": {\n    "nvidia": {"path": "nvidia-container-runtime", "args": []}§\n  },\n  "debug": true\n}\n',
    inserted: ',\n    "cni": {\n      "path": "/usr/bin/docker-cni"\n    }',
  },
  {
    title: "runtimes of others on one line",
    text: '{\n  "runtimes": {"kata": {"path": "/k"}§},\n  "debug": true\n}\n',
    inserted: ', "cni": { "path": "/usr/bin/docker-cni" }',
  },
  {
    title: "empty runtimes",
    text: '{\n  "runtimes": {§},\n  "debug": true\n}\n',
    inserted: '\n    "cni": {\n      "path": "/usr/bin/docker-cni"\n    }\n  ',
  },
  {
    title: "a comment behind the last key",
    text: '{\n  "debug": true, // why\n  "tls": false¶ // why not§\n}\n',
    inserted: '\n  "runtimes": {\n    "cni": {\n      "path": "/usr/bin/docker-cni"\n    }\n  }',
  },
  {
    title: "comments everywhere",
    text: '// first\n{\n  /* a */ "debug": true¶\n  // last§\n}\n// end\n',
    inserted: '\n  "runtimes": {\n    "cni": {\n      "path": "/usr/bin/docker-cni"\n    }\n  }',
  },
  {
    title: "keys with braces, commas and quotes",
    text: String.raw`{
  "labels": ["a=\"}{\"", "b,{"],
  "x}": "§ // not a comment"§
}
`.replace("§ ", " "),
    inserted: ',\n  "runtimes": {\n    "cni": {\n      "path": "/usr/bin/docker-cni"\n    }\n  }',
  },
  {
    title: "numbers that JavaScript cannot hold",
    text: '{\n  "max": 18446744073709551615,\n  "f": 1.0§\n}\n',
    inserted: ',\n  "runtimes": {\n    "cni": {\n      "path": "/usr/bin/docker-cni"\n    }\n  }',
  },
  {
    title: "letters of other scripts",
    text: '{\n  "labels": ["ключ=値"]§\n}\n',
    inserted: ',\n  "runtimes": {\n    "cni": {\n      "path": "/usr/bin/docker-cni"\n    }\n  }',
  },
];
