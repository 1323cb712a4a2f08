"""Generated FlowCam runs, as VisualSpreadsheet would write them, of which everything is known."""
