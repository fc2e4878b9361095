// Calls every endpoint by the client that orval makes, but /dataset: it reads every response as JSON or text.
import * as made from "./made/orval";
import { expect, image } from "./common";

const options = { headers: { Accept: "application/json" } };
const upload = { file: [image] };
const unchanged = { preprocess: "none" } as const;
const graph = "cvae-decoder";
const tensors = {
  inputs: [
    { name: "z", datatype: "FP32", shape: [1, 6], data: [0, 0, 0, 0, 0, 0] },
    { name: "label", datatype: "INT64", shape: [1, 1], data: [19] },
  ],
};

async function main() {
  const calls: Record<string, Promise<{ status: number; data: unknown }>> = {
    "/generate": made.generate({ label: ["J"], n: 2 }, options),
    "/generate (GET)": made.getGenerate({ label: ["J"] }, options),
    "/encode": made.encode(upload, unchanged, options),
    "/reconstruct": made.reconstructImages(upload, unchanged, options),
    "/interpolate": made.interpolate({ file: [image, image] }, { ...unchanged, label: ["J"] }, options),
    "/render-text": made.renderText({ text: "HI" }, undefined, options),
    "/render-text (GET)": made.getRenderText({ text: "HI" }, options),
    "/traverse": made.traverse({ latent: [1], label: "A" }, options),
    "/models": made.listModels(),
    "/models/{name}": made.getModel("vae"),
    "/": made.welcome(),
    "/livez": made.live(),
    "/readyz": made.ready(),
    "/v2": made.inferenceServer(),
    "/v2/health/live": made.inferenceLive(),
    "/v2/health/ready": made.inferenceReady(),
    "/v2/models/{name}": made.graph(graph),
    "/v2/models/{name}/ready": made.graphReady(graph),
    "/v2/models/{name}/versions/{version}": made.graphVersion(graph, "1"),
    "/v2/models/{name}/versions/{version}/ready": made.graphVersionReady(graph, "1"),
    "/v2/models/stats": made.statistics(),
    "/v2/models/{name}/config": made.graphConfig(graph),
    "/v2/models/{name}/stats": made.graphStats(graph),
    "/v2/models/{name}/versions/{version}/config": made.graphVersionConfig(graph, "1"),
    "/v2/models/{name}/versions/{version}/stats": made.graphVersionStats(graph, "1"),
    "/v2/repository/index": made.repositoryIndex({ ready: true }),
    "/v2/models/{name}/infer": made.infer(graph, tensors),
    "/v2/models/{name}/versions/{version}/infer": made.inferVersion(graph, "1", tensors),
  };
  for (const [path, call] of Object.entries(calls)) {
    const { status, data } = await call;
    expect(status === 200, `${path}: ${JSON.stringify(data)}`);
  }
  // The image is blank, and the known models have no hand and draw no strokes.
  const refused = [
    await made.read(upload, undefined, options),
    await made.findHand(upload, undefined, options),
    await made.font({ family: "Mine" }),
  ];
  for (const { status, data } of refused) {
    expect(status === 422, JSON.stringify(data));
  }
  // The service that is called leaves its models to its operator.
  for (const { status, data } of [await made.loadModel(graph), await made.unloadModel(graph, { parameters: {} })]) {
    expect(status === 403 && "error" in data, JSON.stringify(data));
  }
}

main();
