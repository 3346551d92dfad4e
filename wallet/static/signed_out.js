// SPDX-License-Identifier: EUPL-1.2
// Signing out also makes this device forget the keys.

import { forget } from "./device.js";

const { account } = JSON.parse(document.getElementById("page-data").textContent);
await forget(account).catch(() => {});
document.getElementById("forgotten").hidden = false;
