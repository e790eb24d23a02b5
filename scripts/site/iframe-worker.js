// For a site that is opened as files: browsers refuse to start a Worker there, so that the script of the search runs in a hidden frame.
// Material for MkDocs would load such a replacement from another host.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      this.scope = frame.contentWindow;
      const send = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      const load = (source) => new Promise((loaded, failed) => {
        const script = frame.contentDocument.createElement("script");
        Object.assign(script, { src: source, onload: loaded, onerror: failed, async: false });
        frame.contentDocument.body.append(script);
      });
      this.scope.postMessage = send;
      this.scope.importScripts = (...sources) => Promise.all(sources.map(load));
      this.started = load(url);
    }
    postMessage(data) {
      this.started.then(() => this.scope.dispatchEvent(new MessageEvent("message", { data })));
    }
    terminate() {
      this.scope.frameElement.remove();
    }
  };
}
