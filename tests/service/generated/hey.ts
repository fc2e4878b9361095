// Calls every endpoint by the client that hey-api makes.
import { client } from "./made/hey/client.gen";
import * as sdk from "./made/hey/sdk.gen";
import { expect, image, served } from "./common";

client.setConfig({ baseUrl: served, headers: { Accept: "application/json" } });
const upload = { body: { file: [image] } };
const graph = { path: { name: "cvae-decoder" } };
const version = { path: { name: "cvae-decoder", version: "1" } };
const tensors = {
  body: {
    inputs: [
      { name: "z", datatype: "FP32", shape: [1, 6], data: [0, 0, 0, 0, 0, 0] },
      { name: "label", datatype: "INT64", shape: [1, 1], data: [19] },
    ],
  },
};

async function main() {
  const samples = await sdk.generate({ query: { label: ["A", "J"], n: 2 } });
  for (const response of [
    samples,
    await sdk.getGenerate({ query: { label: ["J"] } }),
    await sdk.encode({ ...upload, query: { preprocess: "none" } }),
    await sdk.reconstructImages({ ...upload, query: { preprocess: "none" } }),
    await sdk.renderText({ body: { text: "HI" } }),
    await sdk.getRenderText({ query: { text: "HI" } }),
    await sdk.interpolate({ query: { label: ["A", "B"] } }),
    await sdk.traverse({ query: { latent: [1], label: "A" } }),
    await sdk.dataset({ body: { count: 3 } }),
    await sdk.listModels(),
    await sdk.getModel({ path: { name: "vae" } }),
    await sdk.welcome(),
    await sdk.live(),
    await sdk.ready(),
    await sdk.inferenceServer(),
    await sdk.inferenceLive(),
    await sdk.inferenceReady(),
    await sdk.graph(graph),
    await sdk.graphReady(graph),
    await sdk.graphVersion(version),
    await sdk.graphVersionReady(version),
    await sdk.statistics(),
    await sdk.graphConfig(graph),
    await sdk.graphStats(graph),
    await sdk.graphVersionConfig(version),
    await sdk.graphVersionStats(version),
    await sdk.repositoryIndex({ body: { ready: true } }),
    await sdk.infer({ ...graph, ...tensors }),
    await sdk.inferVersion({ ...version, ...tensors }),
  ]) {
    expect(response.response?.status === 200, `${response.response?.url}: ${JSON.stringify(response.error)}`);
  }
  // The image is blank, and the known models have no hand and draw no strokes.
  const font = await sdk.font({ body: { family: "My Hand" }, query: { format: "ttf" } });
  for (const response of [await sdk.read(upload), await sdk.findHand(upload), font]) {
    expect(response.response?.status === 422, JSON.stringify(response.error));
  }
  // The service that is called leaves its models to its operator.
  for (const response of [await sdk.loadModel(graph), await sdk.unloadModel({ ...graph, body: { parameters: {} } })]) {
    expect(response.response?.status === 403 && "error" in response.error!, JSON.stringify(response.error));
  }
}

main();
