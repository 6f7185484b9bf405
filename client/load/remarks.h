/* remarks.h: was it the server that was measured, or we? */
#pragma once

struct results;

/* Add to the remarks of @results what its notes and seconds tell. */
void remarks_add(struct results *results);
