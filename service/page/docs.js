/** Shows the API's description with the Swagger UI that BentoML brings along. */

import { storedKey } from "./key.js";

window.SwaggerUIBundle({
  url: "docs.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  // The page at / asks for the key, where one is wanted, and keeps it for this tab.
  requestInterceptor: (request) => {
    const key = storedKey();
    if (key) request.headers["X-API-Key"] = key;
    return request;
  },
});
