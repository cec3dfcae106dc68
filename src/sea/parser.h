/* sea/parser.h: what call.c tells a parser beyond the door. */
#ifndef DBK_SEA_PARSER_H
#define DBK_SEA_PARSER_H

#include "sea/sea.h"

/* The content-type header, named in the error when the body is no JSON; "" when there is none. */
void dbk_sea_parser_set_content_type(dbk_sea_parser *p, const char *content_type);

#endif
