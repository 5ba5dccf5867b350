"use strict";
/* The worker's end: it holds the layers and all maps, and answers each change with what is new.
   It stands in a thread of its own, so that the page stays alive while the network thinks. */

let layers = [];
const maps = {};

onmessage = ({data}) => {
  if (data.layers) {
    layers = data.layers;
    return;
  }
  const start = performance.now();
  if (data.image) maps.image = data.image;
  const fresh = forward(layers, maps, data.cuts, data.silenced, data.changed);
  const sent = Object.fromEntries([...fresh].map((name) => [name, maps[name]]));
  postMessage({maps: sent, run: data.run, milliseconds: performance.now() - start});
};
