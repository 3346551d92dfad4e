# SPDX-License-Identifier: EUPL-1.2
"""Type metadata of SD-JWT VC (sections 5 and 6): what a type is called, and which claims it has.

- `model` and `display` are the documents, `integrity` holds one against its digest, `rules` follows `extends` and
  holds a credential against the result.
- Whoever publishes a document says how a type looks, never who may issue it (section 7.7).
"""
